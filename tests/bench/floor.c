/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drover's work costs at the least, for tests/bench: programs that do the same to the same bytes and nothing else.
 *
 *     floor fetch FILE <LIST     each line "SIZE URL": four connections at a time, 512 KiB buffers, SHA-256 in the
 *                                callback, pwrite into a file that was reserved before, one fsync
 *     floor hash FILE            read and SHA-256, in one thread
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARALLEL 4
#define BUFFER (512L << 10)
#define BLOBS_MAX 1000

struct blob {
    char url[500];
    unsigned long long size;
    off_t offset;
    int fd;
    EVP_MD_CTX *hash;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static size_t take(char *data, size_t one, size_t size, void *context)
{
    struct blob *blob = context;

    (void)one;
    EVP_DigestUpdate(blob->hash, data, size);
    if (pwrite(blob->fd, data, size, blob->offset) != (ssize_t)size)
        return 0;
    blob->offset += (off_t)size;
    return size;
}

static void begin(CURLM *multi, struct blob *blob)
{
    CURL *curl = curl_easy_init();

    blob->hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(blob->hash, EVP_sha256(), NULL);
    curl_easy_setopt(curl, CURLOPT_URL, blob->url);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, BUFFER);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, blob);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, blob);
    curl_multi_add_handle(multi, curl);
}

/* The blobs that have ended. */
static size_t reap(CURLM *multi)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    CURLMsg *message;
    size_t ended = 0;
    int left;

    while ((message = curl_multi_info_read(multi, &left))) {
        CURL *curl = message->easy_handle;
        struct blob *blob;

        if (message->data.result != CURLE_OK) {
            fprintf(stderr, "%s\n", curl_easy_strerror(message->data.result));
            exit(1);
        }
        curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&blob);
        EVP_DigestFinal_ex(blob->hash, digest, NULL);
        EVP_MD_CTX_free(blob->hash);
        curl_multi_remove_handle(multi, curl);
        curl_easy_cleanup(curl);
        ended++;
    }
    return ended;
}

static void fetch_all(struct blob *blobs, size_t count)
{
    CURLM *multi = curl_multi_init();
    size_t begun = 0;
    size_t ended = 0;

    while (ended < count) {
        int running;

        for (; begun < count && begun - ended < PARALLEL; begun++)
            begin(multi, &blobs[begun]);
        curl_multi_perform(multi, &running);
        ended += reap(multi);
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    curl_multi_cleanup(multi);
}

static void fetch(const char *path)
{
    static struct blob blobs[BLOBS_MAX];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    off_t total = 0;
    size_t count = 0;

    if (fd < 0)
        fail(path);
    while (count < BLOBS_MAX && scanf("%llu %499s", &blobs[count].size, blobs[count].url) == 2) {
        blobs[count].fd = fd;
        blobs[count].offset = total;
        total += (off_t)blobs[count++].size;
    }
    if (posix_fallocate(fd, 0, total) != 0)
        fail(path);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    fetch_all(blobs, count);
    if (fsync(fd) < 0 || close(fd) < 0)
        fail(path);
}

static void hash(const char *path)
{
    static char buffer[256 << 10];
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0)
        fail(path);
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    while ((got = read(fd, buffer, sizeof buffer)) > 0)
        EVP_DigestUpdate(context, buffer, (size_t)got);
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "fetch") == 0) {
        fetch(argv[2]);
    } else if (argc == 3 && strcmp(argv[1], "hash") == 0) {
        hash(argv[2]);
    } else {
        fprintf(stderr, "usage: floor fetch FILE <LIST | floor hash FILE\n");
        return 2;
    }
    return 0;
}
