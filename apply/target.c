/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/target.h"

#include <string.h>

#include "bundle/file/check.h"
#include "lib/json.h"
#include "lib/reference.h"
#include "lib/registry/registry.h"
#include "manifests/release.h"
#include "mirror/audit/audit.h"
#include "mirror/load/identity.h"

const char *dr_target_text(const json_t *target, const char *key)
{
    return dr_json_string_or(target, key, "");
}

bool dr_target_is_same(const json_t *target, const json_t *other)
{
    static const char *const keys[] = {"bundle_id", "registry", "server", "agent",
                                       "agent_instance"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(dr_target_text(target, keys[i]), dr_target_text(other, keys[i])) != 0)
            return false;
    }
    return true;
}

static int set_digest(json_t *target, const char *key, const struct dr_digest *digest,
                      struct dr_err *err)
{
    char text[DR_DIGEST_TEXT];

    return dr_json_set(target, key, json_string(dr_digest_text(digest, text)), err);
}

/* The image with that role, by its name in the private registry. */
static int set_image(json_t *target, const char *key, const struct dr_bundle *bundle,
                     const char *role, const struct dr_destination *destination, struct dr_err *err)
{
    const struct dr_bundle_image *image = dr_bundle_image_with_role(bundle, role);
    struct dr_reference moved;
    char text[DR_REFERENCE_TEXT];

    if (!image)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "the bundle holds no image in the role '%s', so it is no Rancher release; make "
            "one with 'drover bundle v1.x.y'",
            role);
    if (dr_destination_place(destination, &image->reference, &moved, err) < 0)
        return -1;
    return dr_json_set(target, key, json_string(dr_reference_familiar(&moved, text)), err);
}

static int set_server_identity(json_t *target, const struct dr_bundle *bundle, struct dr_err *err)
{
    dr_auto_identity struct dr_identity identity = DR_IDENTITY_INIT;

    if (dr_identity_read(bundle, dr_bundle_image_with_role(bundle, DR_ROLE_SERVER), &identity,
                         err) < 0 ||
        dr_json_set(target, "ids", json_incref(identity.ids), err) < 0 ||
        dr_json_set(target, "layers", json_incref(identity.layers), err) < 0)
        return -1;
    return dr_json_set(target, "config", json_incref(identity.settings), err);
}

static int fill(json_t *target, const struct dr_apply_options *options,
                const struct dr_bundle *bundle, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(bundle);
    dr_auto_destination struct dr_destination to = DR_DESTINATION_INIT;

    if (!about->release)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the bundle '%s' holds images but no Rancher release; make one with 'drover "
                       "bundle v1.x.y'",
                       options->bundle);
    if (!dr_release_is_applied(about->release))
        return dr_fail(
            err, DR_ERR_REFUSED,
            "'drover apply' upgrades to Rancher v1.0 and v1.1 only, and the bundle '%s' is %s",
            options->bundle, about->release);
    if (dr_destination_read(options->registry, options->maps, options->map_count, &to, err) < 0 ||
        dr_json_set(target, "bundle", json_string(options->bundle), err) < 0 ||
        dr_json_set(target, "release", json_string(about->release), err) < 0 ||
        dr_json_set(target, "registry", json_string(options->registry), err) < 0 ||
        set_digest(target, "bundle_id", &about->id, err) < 0 ||
        set_digest(target, "key", &about->signers.ids[0], err) < 0 ||
        set_image(target, "server", bundle, DR_ROLE_SERVER, &to, err) < 0 ||
        set_image(target, "agent", bundle, DR_ROLE_AGENT, &to, err) < 0 ||
        set_image(target, "agent_instance", bundle, DR_ROLE_AGENT_INSTANCE, &to, err) < 0)
        return -1;
    return set_server_identity(target, bundle, err);
}

json_t *dr_target_read(const struct dr_apply_options *options, struct dr_bundle **ret_bundle,
                       struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(options->bundle, options->trust, err);
    json_auto_t *target = json_object();

    if (!bundle || (options->load &&
                    dr_bundle_refuse_delta(bundle, "--load cannot take this bundle", err) < 0))
        return NULL;
    if (!target) {
        dr_fail_memory(err);
        return NULL;
    }
    if (dr_bundle_check_layers(bundle, options->bundle, false, options->log, err) < 0 ||
        fill(target, options, bundle, err) < 0)
        return NULL;
    *ret_bundle = bundle;
    bundle = NULL;
    return json_incref(target);
}

int dr_target_audit(const struct dr_apply_options *options, const struct dr_bundle *bundle,
                    struct dr_err *err)
{
    dr_auto_audit struct dr_audit audit = DR_AUDIT_INIT;
    dr_auto_destination struct dr_destination to = DR_DESTINATION_INIT;
    struct dr_registry_options registry_options = {.ca_file = options->registry_ca,
                                                   .insecure = options->registry_insecure,
                                                   .log = options->log};
    dr_auto_registry struct dr_registry *registry = NULL;

    if (dr_destination_read(options->registry, options->maps, options->map_count, &to, err) < 0)
        return -1;
    dr_destination_warn(&to, bundle, options->log);
    registry_options.host = to.host;
    registry = dr_registry_new(&registry_options, err);
    if (!registry || dr_audit_bundle(registry, bundle, &to, false, options->log, &audit, err) < 0)
        return -1;
    for (size_t i = 0; i < audit.gap_count; i++)
        dr_log_warn(options->log, "%s", audit.gaps[i].text);
    if (audit.gap_count > 0)
        return dr_fail(
            err, DR_ERR_ABSENT,
            "the registry '%s' lacks %zu of what the bundle holds (listed above); push it "
            "with 'drover mirror %s %s'%s",
            options->registry, audit.gap_count, options->bundle, options->registry,
            to.map_count > 0 ? " and the same --map" : "");
    return 0;
}

int dr_target_check_image(const json_t *target, const json_t *image, struct dr_err *err)
{
    return dr_identity_check(json_object_get(target, "ids"), json_object_get(target, "layers"),
                             dr_target_text(target, "server"), image, err);
}
