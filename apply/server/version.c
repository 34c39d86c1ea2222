/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/version.h"

#include <stdlib.h>
#include <string.h>

/* "12" and the character after it; NULL: no number, or one too many digits. */
static const char *number(const char *text, unsigned *ret)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 4 || (digits > 1 && *text == '0'))
        return NULL;
    *ret = (unsigned)strtoul(text, NULL, 10);
    return text + digits;
}

int dr_version_parse(const char *text, struct dr_version *ret_version)
{
    struct dr_version version = {0};
    const char *at = *text == 'v' ? number(text + 1, &version.major) : NULL;

    at = at && *at == '.' ? number(at + 1, &version.minor) : NULL;
    at = at && *at == '.' ? number(at + 1, &version.patch) : NULL;
    if (!at || *at)
        return -1;
    *ret_version = version;
    return 0;
}

int dr_version_compare(const struct dr_version *a, const struct dr_version *b)
{
    if (a->major != b->major)
        return a->major < b->major ? -1 : 1;
    if (a->minor != b->minor)
        return a->minor < b->minor ? -1 : 1;
    return a->patch == b->patch ? 0 : a->patch < b->patch ? -1 : 1;
}

static int is_known(const struct dr_version *version)
{
    return version->major == 1 && version->minor <= 1;
}

int dr_version_check(const char *from, const char *to, struct dr_err *err)
{
    struct dr_version old;
    struct dr_version new;

    if (dr_version_parse(to, &new) < 0 || !is_known(&new))
        return dr_fail(
            err, DR_ERR_REFUSED,
            "the bundle holds Rancher '%.40s', and drover upgrades to v1.0 and v1.1 only; "
            "later versions changed how hosts and balancers are replaced",
            to);
    if (!from || dr_version_parse(from, &old) < 0)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "which version the running server is can't be told%s%.40s%s; drover upgrades "
            "from known releases of v1.0 and v1.1 only",
            from ? " from '" : "", from ? from : "", from ? "'" : "");
    if (!is_known(&old))
        return dr_fail(err, DR_ERR_REFUSED,
                       "the running server is %s, and drover upgrades from v1.0 and v1.1 only",
                       from);
    if (dr_version_compare(&new, &old) < 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the running server is %s, newer than the bundle's %s; a database that was "
                       "migrated can't go back",
                       from, to);
    return 0;
}
