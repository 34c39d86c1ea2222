/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/dump.h"

#include "apply/rancher/client.h"
#include "apply/rancher/keys.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

/* mysqldump is silent while it reads a big table. */
#define STALL_SECONDS 600u

static int sink(void *context, const void *data, size_t size, struct dr_err *err)
{
    return dr_file_write(context, data, size, err);
}

int dr_dump_fetch(struct dr_rancher *rancher, const char *file, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(65536);
    dr_auto_file struct dr_file draft = DR_FILE_INIT;
    dr_autofree char *url = dr_text_format(err, "%s/haconfigs/haConfig/dbdump", rancher->base);
    const char *headers[] = {NULL, NULL};
    struct dr_http_request request = {.url = url,
                                      .headers = headers,
                                      .sink = sink,
                                      .context = &draft,
                                      .stall_seconds = STALL_SECONDS};

    if (!url || dr_rancher_prepare(rancher, err) < 0)
        return -1;
    headers[0] = dr_keys_choose(rancher, "/haconfigs");
    if (dr_file_create(&draft, file, 0600, err) < 0 ||
        dr_http_do(rancher->http, &request, &response, err) < 0)
        return -1;
    if (response.status != 200)
        return dr_client_refusal(rancher, &response, "fetch Rancher's dump of its database", err);
    return dr_file_commit(&draft, err);
}
