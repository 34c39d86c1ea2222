/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/audit/audit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "mirror/audit/questions.h"

struct audit_run {
    struct dr_registry *registry;
    const struct dr_bundle *bundle;
    const struct dr_log *log;
    struct dr_questions questions;
    struct dr_audit audit;
};

void dr_audit_release(struct dr_audit *audit)
{
    for (size_t i = 0; i < audit->gap_count; i++)
        free(audit->gaps[i].text);
    free(audit->gaps);
    *audit = (struct dr_audit)DR_AUDIT_INIT;
}

/* Takes `text`. */
static int add_gap(struct audit_run *run, const struct dr_question *question, bool damaged,
                   char *text, struct dr_err *err)
{
    struct dr_audit *audit = &run->audit;
    struct dr_audit_gap *more;

    if (!text)
        return -1;
    more = reallocarray(audit->gaps, audit->gap_count + 1, sizeof *more);
    if (!more) {
        free(text);
        return dr_fail_memory(err);
    }
    audit->gaps = more;
    audit->damaged += damaged;
    audit->gaps[audit->gap_count++] =
        (struct dr_audit_gap){.kind = question->kind,
                              .damaged = damaged,
                              .image = question->image,
                              .target = *dr_questions_target(&run->questions, question),
                              .digest = question->wanted->digest,
                              .text = text};
    return 0;
}

/* What `reference` of the repository serves is this manifest, bit for bit. */
static int compare(struct dr_registry *registry, const struct dr_bundle *bundle,
                   const struct dr_descriptor *manifest, const char *repository,
                   const char *reference, struct dr_err *err)
{
    dr_auto_registry_manifest struct dr_registry_manifest served = DR_REGISTRY_MANIFEST_INIT;
    dr_auto_buf struct dr_buf own = DR_BUF_INIT(DR_MANIFEST_MAX);

    if (dr_bundle_blob_load(bundle, &manifest->digest, &own, err) < 0)
        return -1;
    if (dr_registry_get_manifest(registry, repository, reference, &served, err) < 0) {
        /* DR_ERR_VERIFY would tell the operator that the bundle is bad. */
        if (err && err->code == DR_ERR_VERIFY)
            err->code = DR_ERR_PROOF;
        return -1;
    }
    if (served.body.size != own.size || memcmp(served.body.data, own.data, own.size) != 0)
        return dr_fail(err, DR_ERR_PROOF, "it is not the one of the bundle");
    if (strcmp(served.media_type, manifest->media_type) != 0)
        return dr_fail(err, DR_ERR_PROOF, "it is served as '%s', but is '%s'", served.media_type,
                       manifest->media_type);
    return 0;
}

static int compare_family(struct dr_registry *registry, const struct dr_bundle *bundle,
                          const struct dr_bundle_image *image, const char *repository,
                          struct dr_err *err)
{
    for (size_t i = 0; i < image->family.count; i++) {
        const struct dr_descriptor *manifest = &image->family.members[i].manifest;
        char digest[DR_DIGEST_TEXT];

        dr_digest_text(&manifest->digest, digest);
        if (compare(registry, bundle, manifest, repository, digest, err) < 0)
            return dr_err_wrap(err, "%s of its list", digest);
    }
    return 0;
}

int dr_audit_manifest(struct dr_registry *registry, const struct dr_bundle *bundle,
                      const struct dr_bundle_image *image, const struct dr_reference *target,
                      struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];
    char name[DR_REFERENCE_TEXT];

    if (compare(registry, bundle, &image->manifest, target->repository,
                *target->tag ? target->tag : dr_digest_text(&image->manifest.digest, digest),
                err) == 0 &&
        compare_family(registry, bundle, image, target->repository, err) == 0)
        return 0;
    return dr_err_wrap(err, "read back %s", dr_reference_text(target, name));
}

/* Not there, or there but other than it should be: a gap. Everything else is a failure to ask. */
static bool is_gap(const struct dr_err *why)
{
    return why->code == DR_ERR_ABSENT || why->code == DR_ERR_PROOF;
}

static int check_manifest(struct audit_run *run, const struct dr_question *question,
                          struct dr_err *err)
{
    const struct dr_reference *target = dr_questions_target(&run->questions, question);
    struct dr_err why = DR_ERR_INIT;
    char digest[DR_DIGEST_TEXT];
    char name[DR_REFERENCE_TEXT];

    dr_digest_text(&question->wanted->digest, digest);
    if (dr_stop_check(err, "auditing a registry") < 0)
        return -1;
    if (compare(run->registry, run->bundle, question->wanted, target->repository, digest, &why) ==
        0)
        return 0;
    if (!is_gap(&why)) {
        if (err)
            *err = why;
        return -1;
    }
    dr_reference_text(target, name);
    return add_gap(run, question, why.code == DR_ERR_PROOF,
                   why.code == DR_ERR_ABSENT
                       ? dr_text_format(err, "%s: manifest %s is missing", name, digest)
                       : dr_text_format(err, "%s: manifest %s: %s", name, digest, why.text),
                   err);
}

static int check_tag(struct audit_run *run, const struct dr_question *question, struct dr_err *err)
{
    const struct dr_registry_look *look = &run->questions.looks[question->look];
    const struct dr_digest *wanted = &question->wanted->digest;
    char name[DR_REFERENCE_TEXT];
    char is[DR_DIGEST_TEXT];
    char should[DR_DIGEST_TEXT];

    if (look->there && dr_digest_equal(&look->digest, wanted))
        return 0;
    dr_reference_text(dr_questions_target(&run->questions, question), name);
    dr_digest_text(wanted, should);
    return add_gap(run, question, false,
                   look->there ? dr_text_format(err, "%s names another image: %s instead of %s",
                                                name, dr_digest_text(&look->digest, is), should)
                               : dr_text_format(err, "%s is missing", name),
                   err);
}

static const char *word_of(const struct dr_question *question)
{
    return question->kind == DR_AUDIT_CONFIG ? "config" : "layer";
}

static int check_blob(struct audit_run *run, struct dr_question *question, struct dr_err *err)
{
    const struct dr_registry_look *look = &run->questions.looks[question->look];
    uint64_t wanted = question->wanted->size;
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];
    char *text;

    run->audit.blobs++;
    run->audit.bytes += wanted;
    question->good = look->there && (look->size == wanted || look->size == UINT64_MAX);
    if (question->good)
        return 0;
    dr_reference_text(dr_questions_target(&run->questions, question), name);
    dr_digest_text(&question->wanted->digest, digest);
    if (look->there)
        text = dr_text_format(err, "%s: %s %s has %" PRIu64 " bytes instead of %" PRIu64, name,
                              word_of(question), digest, look->size, wanted);
    else
        text = dr_text_format(err, "%s: %s %s (%" PRIu64 " bytes) is missing", name,
                              word_of(question), digest, wanted);
    return add_gap(run, question, look->there, text, err);
}

static int check_all(struct audit_run *run, struct dr_err *err)
{
    for (size_t i = 0; i < run->questions.count; i++) {
        struct dr_question *question = &run->questions.all[i];
        int done = 0;

        switch (question->kind) {
        case DR_AUDIT_TAG:
            done = check_tag(run, question, err);
            break;
        case DR_AUDIT_MANIFEST:
            done = check_manifest(run, question, err);
            break;
        case DR_AUDIT_CONFIG:
        case DR_AUDIT_LAYER:
            done = check_blob(run, question, err);
            break;
        }
        if (done < 0)
            return -1;
    }
    return 0;
}

/* One blob on its way through the hash. */
struct hashing {
    struct audit_run *run;
    const struct dr_question *question;
};

static int take(void *context, uint64_t offset, const void *data, size_t size, struct dr_err *err)
{
    struct hashing *hashing = context;

    (void)offset, (void)data, (void)err;
    hashing->run->audit.read += size;
    return 0;
}

static int note_wrong(void *context, const struct dr_err *why, struct dr_err *err)
{
    const struct hashing *hashing = context;
    const struct dr_question *question = hashing->question;
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];

    dr_reference_text(dr_questions_target(&hashing->run->questions, question), name);
    dr_digest_text(&question->wanted->digest, digest);
    return add_gap(hashing->run, question, true,
                   dr_text_format(err, "%s: %s %s: %s", name, word_of(question), digest, why->text),
                   err);
}

/* What is there, as far as a HEAD tells, is downloaded: each blob once from every repository. */
static size_t choose(struct audit_run *run, struct dr_blob_get *gets, struct hashing *hashings,
                     uint64_t *ret_bytes)
{
    size_t count = 0;

    *ret_bytes = 0;
    for (size_t i = 0; i < run->questions.count; i++) {
        const struct dr_question *question = &run->questions.all[i];

        if (!question->good || !question->first)
            continue;
        hashings[count] = (struct hashing){.run = run, .question = question};
        gets[count] = (struct dr_blob_get){
            .repository = dr_questions_target(&run->questions, question)->repository,
            .digest = question->wanted->digest,
            .size = question->wanted->size,
            .write = take,
            .wrong = note_wrong,
            .context = &hashings[count],
        };
        *ret_bytes += question->wanted->size;
        count++;
    }
    return count;
}

static int hash_all(struct audit_run *run, struct dr_err *err)
{
    dr_autofree struct dr_blob_get *gets = calloc(run->questions.count + 1, sizeof *gets);
    dr_autofree struct hashing *hashings = calloc(run->questions.count + 1, sizeof *hashings);
    struct dr_progress progress;
    uint64_t bytes;
    size_t count;
    int done;

    if (!gets || !hashings)
        return dr_fail_memory(err);
    count = choose(run, gets, hashings, &bytes);
    dr_progress_start(&progress, run->log, "audit", bytes);
    done = dr_registry_get_blobs(run->registry, gets, count, DR_REGISTRY_PARALLEL, &progress, err);
    dr_progress_end(&progress);
    return done;
}

static int compare_gaps(const void *a, const void *b)
{
    const struct dr_audit_gap *left = a;
    const struct dr_audit_gap *right = b;

    if (left->image != right->image)
        return left->image < right->image ? -1 : 1;
    return left->kind == right->kind ? strcmp(left->text, right->text)
                                     : (int)left->kind - (int)right->kind;
}

int dr_audit_bundle(struct dr_registry *registry, const struct dr_bundle *bundle,
                    const struct dr_destination *destination, bool deep, const struct dr_log *log,
                    struct dr_audit *ret_audit, struct dr_err *err)
{
    struct audit_run run = {.registry = registry, .bundle = bundle, .log = log};
    int done = dr_questions_make(bundle, destination, &run.questions, err);

    if (done == 0)
        done = dr_questions_ask(&run.questions, registry, err);
    if (done == 0)
        done = check_all(&run, err);
    if (done == 0 && deep)
        done = hash_all(&run, err);
    dr_bundle_images(bundle, &run.audit.images);
    dr_questions_release(&run.questions);
    if (done < 0) {
        dr_audit_release(&run.audit);
        return -1;
    }
    if (run.audit.gap_count > 1)
        qsort(run.audit.gaps, run.audit.gap_count, sizeof *run.audit.gaps, compare_gaps);
    dr_audit_release(ret_audit);
    *ret_audit = run.audit;
    return 0;
}
