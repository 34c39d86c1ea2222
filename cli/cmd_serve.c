/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/trusted.h"
#include "mirror/serve/serve.h"

/* Verified, listening, and written down as taken: what was read of the site's trust is not needed, and not locked, for
 * as long as it serves. */
static struct dr_serve *begin(struct dr_serve_options *options,
                              const struct dr_trusted_options *whom, const struct dr_log *log,
                              struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct dr_serve *serve;

    if (dr_trusted_read(whom, true, log, &trusted, err) < 0)
        return NULL;
    options->trust = &trusted.trust;
    serve = dr_serve_new(options, log, err);
    options->trust = NULL;
    if (serve && dr_trusted_record(&trusted, err) < 0) {
        dr_serve_free(serve);
        return NULL;
    }
    return serve;
}

int dr_cmd_serve(int argc, char **argv, struct dr_err *err)
{
    struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
    struct dr_serve_options options = {.listen = DR_SERVE_ADDRESS};
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    uint64_t timeout = DR_SERVE_TIMEOUT;
    uint64_t connections = DR_SERVE_CONNECTIONS;
    bool json = false;
    struct dr_serve *serve;
    int done;
    const struct dr_option table[] = {
        DR_TRUSTED_OPTIONS(whom),
        {"state-dir", 0, DR_OPTION_TEXT, &whom.state_dir},
        {"listen", 0, DR_OPTION_TEXT, &options.listen},
        {"tls-cert", 0, DR_OPTION_TEXT, &options.cert_file},
        {"tls-key", 0, DR_OPTION_TEXT, &options.key_file},
        {"htpasswd", 0, DR_OPTION_TEXT, &options.htpasswd},
        {"timeout", 0, DR_OPTION_NUMBER, &timeout},
        {"max-connections", 0, DR_OPTION_NUMBER, &connections},
        {"json", 0, DR_OPTION_FLAG, &json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 1, DR_LIST_MAX, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (dr_trusted_volumes(&whom, &words, 1, err) < 0)
        return -1;
    options.bundle = words.item[0];
    options.timeout = timeout;
    options.max_connections = connections;
    serve = begin(&options, &whom, &common.log, err);
    if (!serve)
        return -1;
    done = dr_serve_announce(serve, json, err);
    if (done == 0)
        done = dr_serve_run(serve, err);
    dr_serve_free(serve);
    return done;
}
