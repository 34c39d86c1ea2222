/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bundle/file/delta.h"
#include "bundle/file/stream.h"
#include "bundle/receipt/code.h"
#include "bundle/receipt/text.h"
#include "cli/commands.h"
#include "cli/qr.h"
#include "cli/receipting.h"
#include "cli/trusted.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/typed.h"

/* What people type, with room for what they write beside it. */
#define TYPED_MAX (256u << 10)

struct receipt_options {
    struct dr_list pubkeys;
    const char *bundle;
    const char *output;
    bool paper;
    bool json;
    struct dr_list words;
    struct dr_trusted trusted;
};

/* Has one of the keys this id? */
static bool is_signer(const struct dr_bundle_trust *trust, const struct dr_digest *key_id)
{
    for (size_t i = 0; i < trust->key_count; i++) {
        struct dr_digest id;

        if (dr_key_id(trust->keys[i], &id, NULL) == 0 && dr_digest_equal(&id, key_id))
            return true;
    }
    return false;
}

/* Keys that are set may be those of bundles, and say nothing then of a receipt that is only looked at. */
static int look_at(const struct receipt_options *options, const char *path,
                   struct dr_receipt *ret_receipt, struct dr_err *err)
{
    const struct dr_bundle_trust *trust = &options->trusted.trust;

    if (options->pubkeys.is_set) {
        dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;

        if (dr_receipt_read(path, NULL, 0, &receipt, err) < 0)
            return -1;
        if (!is_signer(trust, &receipt.seal.key_id)) {
            *ret_receipt = receipt;
            receipt = (struct dr_receipt)DR_RECEIPT_INIT;
            return 0;
        }
    }
    return dr_receipt_read(path, trust->keys, trust->key_count, ret_receipt, err);
}

static int read_receipt(struct receipt_options *options, const char *path,
                        struct dr_receipt *ret_receipt, struct dr_err *err)
{
    if (options->pubkeys.count > 0 &&
        dr_trusted_read_keys(&options->pubkeys, &options->trusted, err) < 0)
        return -1;
    return look_at(options, path, ret_receipt, err) < 0 ? dr_err_wrap(err, "the receipt '%s'", path)
                                                        : 0;
}

/* ---- show */

static const char *name_bundle(const struct dr_receipt *receipt, char ret[DR_BASE_TEXT])
{
    return dr_base_text(&(struct dr_base){.release = receipt->release,
                                          .created = receipt->created,
                                          .channel = receipt->channel,
                                          .serial = receipt->serial,
                                          .has_sums = true,
                                          .sums = receipt->sums},
                        ret);
}

static void print_gaps(const struct dr_receipt_repository *of)
{
    char digest[DR_DIGEST_TEXT];

    for (size_t i = 0; i < of->image_count; i++) {
        if (of->images[i].state != DR_RECEIPT_THERE)
            printf("%-8s  %s  %s\n", dr_receipt_state_text(of->images[i].state),
                   of->images[i].reference, dr_digest_text(&of->images[i].digest, digest));
    }
    for (size_t i = 0; i < of->layer_count; i++) {
        if (of->layers[i].state != DR_RECEIPT_THERE)
            printf("%-8s  %s  layer %s  %" PRIu64 " bytes\n",
                   dr_receipt_state_text(of->layers[i].state), of->name,
                   dr_digest_text(&of->layers[i].digest, digest), of->layers[i].size);
    }
}

static void print_lines(const struct dr_receipt *receipt, bool is_set)
{
    const struct dr_receipt_seal *seal = &receipt->seal;
    int64_t age = time(NULL) - receipt->time;
    struct dr_receipt_totals totals;
    char bundle[DR_BASE_TEXT];
    char hex[DR_DIGEST_TEXT];
    char when[32];
    char span[32];
    char have[16];
    char all[16];

    dr_receipt_count(receipt, &totals);
    dr_text_time(receipt->time, when);
    dr_text_age(age < 0 ? 0 : (uint64_t)age, span);
    dr_text_size(totals.bytes_there, have);
    dr_text_size(totals.bytes, all);
    printf("registry  %s\ntime      %s (%s ago)\n", receipt->registry, when, span);
    printf("look      %s\n", receipt->hashed ? "hashed: every layer was downloaded and hashed"
                                             : "asked: as the registry said");
    printf("bundle    %s\n", name_bundle(receipt, bundle));
    printf("has       %zu of %zu images, %zu of %zu layers, %s of %s\n", totals.images_there,
           totals.images, totals.layers_there, totals.layers, have, all);
    printf("signed    %s, key %.16s, %s\n", seal->ed25519 ? "Ed25519" : "ECDSA P-256",
           dr_digest_hex(&seal->key_id, hex),
           seal->verified ? "good"
           : is_set       ? "NOT VERIFIED: the keys that are set are others (--pubkey FILE does it)"
                          : "NOT VERIFIED (--pubkey FILE does it)");
    for (size_t i = 0; i < receipt->repository_count; i++)
        print_gaps(&receipt->repositories[i]);
}

static int add_repository(const struct dr_receipt_repository *of, json_t *to, struct dr_err *err)
{
    json_t *entry = json_pack("{s:s, s:[], s:[]}", "repository", of->name, "images", "layers");
    char digest[DR_DIGEST_TEXT];

    if (dr_json_append(to, entry, err) < 0)
        return -1;
    for (size_t i = 0; i < of->image_count; i++) {
        const struct dr_receipt_image *image = &of->images[i];

        if (dr_json_append(json_object_get(entry, "images"),
                           json_pack("{s:s, s:s, s:s}", "reference", image->reference, "digest",
                                     dr_digest_text(&image->digest, digest), "state",
                                     dr_receipt_state_text(image->state)),
                           err) < 0)
            return -1;
    }
    for (size_t i = 0; i < of->layer_count; i++) {
        const struct dr_receipt_layer *layer = &of->layers[i];

        if (dr_json_append(json_object_get(entry, "layers"),
                           json_pack("{s:s, s:I, s:s}", "digest",
                                     dr_digest_text(&layer->digest, digest), "size",
                                     (json_int_t)layer->size, "state",
                                     dr_receipt_state_text(layer->state)),
                           err) < 0)
            return -1;
    }
    return 0;
}

static json_t *describe(const struct dr_receipt *receipt, struct dr_err *err)
{
    char when[32], sums[DR_DIGEST_TEXT], id[DR_DIGEST_TEXT], digest[DR_DIGEST_TEXT];
    char key[DR_DIGEST_TEXT];
    json_t *document;

    dr_text_time(receipt->time, when);
    document = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s*, s:s, s:I, s:s}, s:s, s:s, s:b, s:[]}",
                         "registry", receipt->registry, "time", when, "look",
                         receipt->hashed ? "hashed" : "asked", "bundle", "sums",
                         dr_digest_text(&receipt->sums, sums), "id",
                         dr_digest_text(&receipt->id, id), "release", receipt->release, "channel",
                         receipt->channel, "serial", (json_int_t)receipt->serial, "created",
                         receipt->created, "digest", dr_digest_text(&receipt->digest, digest),
                         "key_id", dr_digest_text(&receipt->seal.key_id, key), "verified",
                         receipt->seal.verified, "repositories");
    if (!document)
        dr_fail_memory(err);
    return document;
}

static int print_json(const struct dr_receipt *receipt, struct dr_err *err)
{
    json_auto_t *document = describe(receipt, err);

    if (!document)
        return -1;
    for (size_t i = 0; i < receipt->repository_count; i++) {
        if (add_repository(&receipt->repositories[i], json_object_get(document, "repositories"),
                           err) < 0)
            return -1;
    }
    return dr_json_print(document, stdout, err);
}

static int show(struct receipt_options *options, struct dr_err *err)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;

    if (read_receipt(options, options->words.item[1], &receipt, err) < 0)
        return -1;
    if (options->json)
        return print_json(&receipt, err);
    print_lines(&receipt, options->pubkeys.is_set);
    return 0;
}

/* ---- code, qr */

/* What is typed of a receipt; `wide` in lines, else as it stands in a picture. */
static int make_code(struct receipt_options *options, bool wide, struct dr_receipt *receipt,
                     struct dr_buf *ret_text, struct dr_err *err)
{
    dr_auto_buf struct dr_buf code = DR_BUF_INIT(DR_RECEIPT_CODE_MAX);

    return read_receipt(options, options->words.item[1], receipt, err) < 0 ||
                   dr_receipt_code_write(receipt, &code, err) < 0
               ? -1
               : dr_typed_write(code.data, code.size, wide, ret_text, err);
}

static int print_code(struct receipt_options *options, struct dr_err *err)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(TYPED_MAX);
    char sums[DR_DIGEST_TEXT];
    char when[32];

    if (make_code(options, true, &receipt, &text, err) < 0)
        return -1;
    dr_text_time(receipt.time, when);
    printf("# receipt of registry %s of %s,\n# for the bundle %s%s%sserial %" PRIu64
           " of channel %s,\n# created %s, SHA256SUMS\n# %s\n%s",
           receipt.registry, when, receipt.release ? "Rancher " : "",
           receipt.release ? receipt.release : "", receipt.release ? ", " : "", receipt.serial,
           receipt.channel, receipt.created, dr_digest_text(&receipt.sums, sums), text.data);
    return 0;
}

static int print_qr(struct receipt_options *options, struct dr_err *err)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(TYPED_MAX);

    return make_code(options, false, &receipt, &text, err) < 0
               ? -1
               : dr_qr_print(text.data, options->paper, stdout, err);
}

/* ---- read */

static int read_stdin(struct dr_buf *ret_text, struct dr_err *err)
{
    char chunk[4096];
    ssize_t size;

    while ((size = read(STDIN_FILENO, chunk, sizeof chunk)) > 0) {
        if (dr_buf_add(ret_text, chunk, (size_t)size, err) < 0)
            return -1;
    }
    return size < 0 ? dr_fail_errno(err, DR_ERR_IO, "read the standard input") : 0;
}

static int read_typed(const char *path, struct dr_buf *ret_code, struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(TYPED_MAX);

    if ((strcmp(path, "-") == 0 ? read_stdin(&text, err) : dr_file_read(path, &text, err)) < 0)
        return -1;
    return dr_typed_read(text.data ? text.data : "", text.size, ret_code, err) < 0
               ? dr_err_wrap(err, "the code '%s'", path)
               : 0;
}

static int check_read(const struct receipt_options *options, struct dr_err *err)
{
    if (!options->bundle || !options->output)
        return dr_fail(
            err, DR_ERR_USAGE,
            "reading a code takes the bundle that it tells of, and a name for the "
            "receipt: drover receipt read CODE --bundle OLD.tar --pubkey far.pub -o FILE");
    if (options->pubkeys.count == 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "--pubkey FILE is needed: the public half of the far side's receipt key");
    return dr_receipting_check_place(options->output, err);
}

/* The bundle's own signature is not asked for: the receipt's covers all that is taken from it. */
static int read_code(struct receipt_options *options, const struct dr_log *log, struct dr_err *err)
{
    const struct dr_bundle_trust anybody = {.unverified = true, .ignore_clock = true};
    const struct dr_bundle_trust *trust = &options->trusted.trust;
    dr_auto_buf struct dr_buf code = DR_BUF_INIT(DR_RECEIPT_CODE_MAX);
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);
    dr_auto_bundle struct dr_bundle *bundle = NULL;

    if (check_read(options, err) < 0 ||
        dr_trusted_read_keys(&options->pubkeys, &options->trusted, err) < 0 ||
        read_typed(options->words.item[1], &code, err) < 0)
        return -1;
    bundle = dr_bundle_open_begin(options->bundle, &anybody, err);
    if (!bundle)
        return -1;
    if (dr_receipt_code_read(code.data, code.size, bundle, trust->keys, trust->key_count, &text,
                             err) < 0)
        return dr_err_wrap(err, "the code '%s' and the bundle '%s'", options->words.item[1],
                           options->bundle);
    if (dr_file_save(options->output, 0644, text.data, text.size, err) < 0)
        return -1;
    dr_log_say(log, "'%s' is the receipt, with its good signature: 'drover bundle --base' takes it",
               options->output);
    return 0;
}

/* ---- all */

static int run(struct receipt_options *options, const struct dr_log *log, struct dr_err *err)
{
    const char *verb = options->words.item[0];

    if (options->words.count != 2)
        verb = "";
    if (options->json && strcmp(verb, "show") != 0)
        return dr_fail(err, DR_ERR_USAGE, "--json goes with receipt show");
    if (strcmp(verb, "show") == 0)
        return show(options, err);
    if (strcmp(verb, "code") == 0)
        return print_code(options, err);
    if (strcmp(verb, "qr") == 0)
        return print_qr(options, err);
    if (strcmp(verb, "read") == 0)
        return read_code(options, log, err);
    return dr_fail(err, DR_ERR_USAGE,
                   "the ways are: receipt show FILE, receipt code FILE, receipt qr FILE, receipt "
                   "read CODE; see 'drover receipt --help'");
}

int dr_cmd_receipt(int argc, char **argv, struct dr_err *err)
{
    dr_auto_common struct dr_common common = {.help = false};
    struct receipt_options options = {.trusted = DR_TRUSTED_INIT};
    const struct dr_option table[] = {
        {"pubkey", 0, DR_OPTION_LIST, &options.pubkeys},
        {"bundle", 0, DR_OPTION_TEXT, &options.bundle},
        {"output", 'o', DR_OPTION_TEXT, &options.output},
        {"paper", 0, DR_OPTION_FLAG, &options.paper},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };
    int done;

    if (dr_options_read(argc, argv, table, 1, 2, &options.words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    done = run(&options, &common.log, err);
    dr_trusted_release(&options.trusted);
    return done;
}
