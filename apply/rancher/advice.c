/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/advice.h"

#include <stddef.h>
#include <string.h>

enum remedy { TRUST, PLAIN_HTTP, CREDENTIALS, MISSING, UNREACHABLE, SPACE };

static const struct {
    const char *words;
    enum remedy remedy;
} symptoms[] = {
    {"x509", TRUST},
    {"certificate signed by unknown", TRUST},
    {"HTTP response to HTTPS client", PLAIN_HTTP},
    {"malformed HTTP response", PLAIN_HTTP},
    {"oversized record", PLAIN_HTTP},
    {"first record does not look like a TLS", PLAIN_HTTP},
    {"insecure-registry", PLAIN_HTTP},
    {"401", CREDENTIALS},
    {"nauthorized", CREDENTIALS},
    {"authentication required", CREDENTIALS},
    {"no basic auth", CREDENTIALS},
    {"manifest unknown", MISSING},
    {"not found", MISSING},
    {"404", MISSING},
    {"no such host", UNREACHABLE},
    {"connection refused", UNREACHABLE},
    {"no route to host", UNREACHABLE},
    {"i/o timeout", UNREACHABLE},
    {"no space left", SPACE},
};

int dr_advise_pull(struct dr_err *err, const char *why, const char *image)
{
    int host = (int)strcspn(image, "/");

    for (size_t i = 0; i < sizeof symptoms / sizeof *symptoms; i++) {
        if (!strstr(why, symptoms[i].words))
            continue;
        switch (symptoms[i].remedy) {
        case TRUST:
            return dr_err_advise(err,
                                 "put the registry's CA into /etc/docker/certs.d/%.*s/ca.crt on "
                                 "that host",
                                 host, image);
        case PLAIN_HTTP:
            return dr_err_advise(err,
                                 "the registry speaks plain HTTP: start that host's engine with "
                                 "--insecure-registry %.*s",
                                 host, image);
        case CREDENTIALS:
            return dr_err_advise(err,
                                 "give Rancher the registry's user and password for this "
                                 "environment (Infrastructure > Registries, address %.*s)",
                                 host, image);
        case MISSING:
            return dr_err_advise(err, "see with `drover audit` whether %.*s has it", host, image);
        case UNREACHABLE:
            return dr_err_advise(err, "see whether that host reaches %.*s", host, image);
        case SPACE:
            return dr_err_advise(err, "make room in that host's /var/lib/docker");
        }
    }
    return -1;
}
