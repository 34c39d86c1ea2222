/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/key.h"
#include "lib/text.h"

struct key_options {
    const char *output;
    const char *type; /* NULL: ecdsa */
    const char *passphrase_file;
    bool no_passphrase;
    bool json;
    struct dr_list words;
};

/* The options promise `const char *`; dr_passphrase_fn's context is void *. */
static void *as_context(const char *text)
{
    return (void *)(uintptr_t)text;
}

/* Never over an existing file: it may be the only copy of a key that others trust. */
static int refuse_existing(const char *path, struct dr_err *err)
{
    if (access(path, F_OK) == 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%s' exists and is left as it is; move it away or choose another name",
                       path);
    return 0;
}

static int print_id(const struct dr_key *key, const char *label, struct dr_err *err)
{
    char hex[DR_DIGEST_TEXT];
    struct dr_digest id;

    if (dr_key_id(key, &id, err) < 0)
        return -1;
    printf("%s%s\n", label, dr_digest_hex(&id, hex));
    return 0;
}

/* `pair` has what else is known of the key; consumed. */
static int print_json(const struct dr_key *key, json_t *pair, struct dr_err *err)
{
    json_auto_t *object = pair;
    char hex[DR_DIGEST_TEXT];
    struct dr_digest id;

    if (!object)
        return dr_fail_memory(err);
    if (dr_key_id(key, &id, err) < 0 ||
        dr_json_set(object, "id", json_string(dr_digest_hex(&id, hex)), err) < 0 ||
        dr_json_set(object, "kind", json_string(dr_key_kind(key)), err) < 0)
        return -1;
    return dr_json_print(object, stdout, err);
}

static int save_pair(const struct dr_key *key, const char *passphrase, const char *private_path,
                     const char *public_path, struct dr_err *err)
{
    dr_auto_buf struct dr_buf secret = DR_BUF_INIT(65536);
    dr_auto_buf struct dr_buf public = DR_BUF_INIT(65536);
    int done = -1;

    if (dr_key_private_pem(key, passphrase, &secret, err) == 0 &&
        dr_key_public_pem(key, &public, err) == 0 &&
        dr_file_save(private_path, 0600, secret.data, secret.size, err) == 0)
        done = dr_file_save(public_path, 0644, public.data, public.size, err);
    if (secret.data)
        OPENSSL_cleanse(secret.data, secret.size);
    return done;
}

static struct dr_key *make(const char *type, struct dr_err *err)
{
    if (!type || strcmp(type, "ecdsa") == 0)
        return dr_key_new(err);
    return dr_key_new_ed25519(err);
}

static int check_type(const char *type, struct dr_err *err)
{
    if (!type || strcmp(type, "ecdsa") == 0 || strcmp(type, "ed25519") == 0)
        return 0;
    return dr_fail(err, DR_ERR_USAGE, "--type is ecdsa (P-256, the default) or ed25519, not '%s'",
                   type);
}

static int new_key(const struct key_options *options, struct dr_err *err)
{
    const char *path = options->output;
    dr_auto_key struct dr_key *key = NULL;
    dr_autofree char *public_path = NULL;
    char passphrase[1024] = "";
    int done;

    if (!path)
        return dr_fail(err, DR_ERR_USAGE, "say where the key goes: drover key new -o site.key");
    if (check_type(options->type, err) < 0)
        return -1;
    public_path = dr_text_ends(path, ".key")
                      ? dr_text_format(err, "%.*s.pub", (int)strlen(path) - 4, path)
                      : dr_text_format(err, "%s.pub", path);
    if (!public_path || refuse_existing(path, err) < 0 || refuse_existing(public_path, err) < 0)
        return -1;
    if (!options->no_passphrase && dr_ask_passphrase(as_context(options->passphrase_file), true,
                                                     passphrase, sizeof passphrase, err) < 0)
        return dr_err_advise(err, "--no-passphrase makes a key without one");
    key = make(options->type, err);
    done = key ? save_pair(key, *passphrase ? passphrase : NULL, path, public_path, err) : -1;
    OPENSSL_cleanse(passphrase, sizeof passphrase);
    if (done < 0)
        return -1;
    if (options->json)
        return print_json(key,
                          json_pack("{s:s, s:s, s:b}", "private", path, "public", public_path,
                                    "encrypted", !options->no_passphrase),
                          err);
    printf("private  %s  (%s, %s; readable by you only; never give it away)\n", path,
           dr_key_kind(key), options->no_passphrase ? "not encrypted" : "encrypted");
    printf("public   %s  (carry it to the other side by a way that you trust)\n", public_path);
    return print_id(key, "id       ", err);
}

/* `path` may hold a private or a public key. */
static struct dr_key *read_either(const struct key_options *options, const char *path,
                                  struct dr_err *err)
{
    dr_auto_buf struct dr_buf pem = DR_BUF_INIT(65536);
    bool is_private;

    if (dr_file_read(path, &pem, err) < 0)
        return NULL;
    is_private = strstr(pem.data, "PRIVATE KEY") != NULL;
    OPENSSL_cleanse(pem.data, pem.size);
    if (is_private)
        return dr_key_read_private(path, dr_ask_passphrase, as_context(options->passphrase_file),
                                   err);
    return dr_key_read_public(path, err);
}

static int print_public(const struct key_options *options, const char *path, struct dr_err *err)
{
    dr_auto_key struct dr_key *key = read_either(options, path, err);
    dr_auto_buf struct dr_buf pem = DR_BUF_INIT(65536);

    if (!key || dr_key_public_pem(key, &pem, err) < 0)
        return -1;
    if (options->json)
        return dr_fail(err, DR_ERR_USAGE,
                       "--json goes with key new and key id; a public key is PEM");
    if (options->output && refuse_existing(options->output, err) < 0)
        return -1;
    if (options->output)
        return dr_file_save(options->output, 0644, pem.data, pem.size, err);
    fputs(pem.data, stdout);
    return 0;
}

static int show_id(const struct key_options *options, const char *path, struct dr_err *err)
{
    dr_auto_key struct dr_key *key = read_either(options, path, err);

    if (!key)
        return -1;
    return options->json ? print_json(key, json_object(), err) : print_id(key, "", err);
}

int dr_cmd_key(int argc, char **argv, struct dr_err *err)
{
    dr_auto_common struct dr_common common = {.help = false};
    struct key_options options = {0};
    const struct dr_option table[] = {
        {"output", 'o', DR_OPTION_TEXT, &options.output},
        {"type", 0, DR_OPTION_TEXT, &options.type},
        {"passphrase-file", 0, DR_OPTION_TEXT, &options.passphrase_file},
        {"no-passphrase", 0, DR_OPTION_FLAG, &options.no_passphrase},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };
    const char *verb;

    if (dr_options_read(argc, argv, table, 1, 2, &options.words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    verb = options.words.item[0];
    if (strcmp(verb, "new") == 0 && options.words.count == 1)
        return new_key(&options, err);
    if (strcmp(verb, "pub") == 0 && options.words.count == 2)
        return print_public(&options, options.words.item[1], err);
    if (strcmp(verb, "id") == 0 && options.words.count == 2)
        return show_id(&options, options.words.item[1], err);
    return dr_fail(
        err, DR_ERR_USAGE,
        "the ways are: key new -o FILE, key pub FILE, key id FILE; see 'drover key --help'");
}
