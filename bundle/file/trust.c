/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/trust.h"

#include "lib/buf.h"

static int fail_untrusted(const struct dr_bundle_trust *trust, struct dr_err *err)
{
    dr_auto_buf struct dr_buf ids = DR_BUF_INIT(65536);

    for (size_t i = 0; i < trust->key_count; i++) {
        struct dr_digest id;
        char hex[DR_DIGEST_TEXT];

        if (dr_key_id(trust->keys[i], &id, err) < 0 ||
            dr_buf_printf(&ids, err, "%s%.16s", i ? ", " : "", dr_digest_hex(&id, hex)) < 0)
            return -1;
    }
    return dr_fail(err, DR_ERR_VERIFY,
                   "the signature is not by the given key (%s): the bundle was signed with another "
                   "one, or was changed on its way",
                   ids.data);
}

int dr_trust_check(const struct dr_bundle_trust *trust, const void *data, size_t size,
                   const struct dr_signature *signatures, size_t signature_count,
                   struct dr_digest *ret_key_id, struct dr_err *err)
{
    if (trust->key_count == 0)
        return dr_fail(err, DR_ERR_REFUSED, "there is no public key to check the bundle with");
    for (size_t i = 0; i < trust->key_count; i++) {
        for (size_t j = 0; j < signature_count; j++) {
            if (dr_key_verify(trust->keys[i], data, size, signatures[j].bytes, signatures[j].size,
                              NULL) == 0)
                return dr_key_id(trust->keys[i], ret_key_id, err);
        }
    }
    return fail_untrusted(trust, err);
}
