/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/audit/questions.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

/* HEADs are small: more of them at once than of blobs. */
#define PARALLEL 16

void dr_questions_release(struct dr_questions *questions)
{
    free(questions->targets);
    free(questions->all);
    free(questions->looks);
    *questions = (struct dr_questions){.targets = NULL};
}

const struct dr_reference *dr_questions_target(const struct dr_questions *questions,
                                               const struct dr_question *question)
{
    return &questions->targets[question->image];
}

/* A layer can come several times in an image, and images of one list share layers. */
static bool seen_before(const struct dr_bundle_image *image, size_t content, size_t layer)
{
    const struct dr_digest *digest = &dr_bundle_image_content(image, content)->layers[layer].digest;

    for (size_t i = 0; i <= content; i++) {
        const struct dr_image_manifest *other = dr_bundle_image_content(image, i);
        size_t count = i < content ? other->layer_count : layer;

        for (size_t j = 0; j < count; j++) {
            if (dr_digest_equal(&other->layers[j].digest, digest))
                return true;
        }
    }
    return false;
}

static void add(struct dr_questions *questions, enum dr_audit_kind kind, size_t image,
                const struct dr_descriptor *wanted)
{
    questions->all[questions->count++] =
        (struct dr_question){.kind = kind, .image = image, .wanted = wanted};
}

static void add_content(struct dr_questions *questions, size_t image,
                        const struct dr_bundle_image *wanted, size_t index)
{
    const struct dr_image_manifest *content = dr_bundle_image_content(wanted, index);

    add(questions, DR_AUDIT_CONFIG, image, &content->config);
    for (size_t i = 0; i < content->layer_count; i++) {
        if (!seen_before(wanted, index, i))
            add(questions, DR_AUDIT_LAYER, image, &content->layers[i]);
    }
}

static void add_image(struct dr_questions *questions, size_t image,
                      const struct dr_bundle_image *wanted)
{
    if (*questions->targets[image].tag)
        add(questions, DR_AUDIT_TAG, image, &wanted->manifest);
    add(questions, DR_AUDIT_MANIFEST, image, &wanted->manifest);
    for (size_t i = 0; i < wanted->family.count; i++)
        add(questions, DR_AUDIT_MANIFEST, image, &wanted->family.members[i].manifest);
    for (size_t i = 0; dr_bundle_image_content(wanted, i); i++)
        add_content(questions, image, wanted, i);
}

/* At most. */
static size_t count_questions(const struct dr_bundle_image *wanted)
{
    const struct dr_image_manifest *content;
    size_t count = 2 + wanted->family.count;

    for (size_t i = 0; (content = dr_bundle_image_content(wanted, i)); i++)
        count += 1 + content->layer_count;
    return count;
}

static bool is_blob(const struct dr_question *question)
{
    return question->kind == DR_AUDIT_CONFIG || question->kind == DR_AUDIT_LAYER;
}

struct pair {
    const char *repository;
    struct dr_question *question;
};

static int compare_repositories(const struct pair *a, const struct pair *b)
{
    int order = strcmp(a->repository, b->repository);

    return order ? order
                 : memcmp(&a->question->wanted->digest, &b->question->wanted->digest,
                          sizeof a->question->wanted->digest);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    int order = compare_repositories(left, right);

    if (order)
        return order;
    return left->question < right->question ? -1 : left->question > right->question;
}

static size_t add_look(struct dr_questions *questions, const struct dr_question *question)
{
    const struct dr_reference *target = dr_questions_target(questions, question);

    questions->looks[questions->look_count] =
        (struct dr_registry_look){.repository = target->repository,
                                  .manifest = is_blob(question) ? NULL : target->tag,
                                  .digest = question->wanted->digest};
    return questions->look_count++;
}

/* Blobs that several images of one repository need stand together and share a look. */
static int make_looks(struct dr_questions *questions, struct dr_err *err)
{
    dr_autofree struct pair *pairs = calloc(questions->count + 1, sizeof *pairs);
    size_t count = 0;

    questions->looks = calloc(questions->count + 1, sizeof *questions->looks);
    if (!pairs || !questions->looks)
        return dr_fail_memory(err);
    for (size_t i = 0; i < questions->count; i++) {
        struct dr_question *question = &questions->all[i];

        if (question->kind == DR_AUDIT_TAG)
            question->look = add_look(questions, question);
        else if (is_blob(question))
            pairs[count++] =
                (struct pair){dr_questions_target(questions, question)->repository, question};
    }
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < count; i++) {
        struct dr_question *question = pairs[i].question;

        question->first = i == 0 || compare_repositories(&pairs[i - 1], &pairs[i]) != 0;
        question->look =
            question->first ? add_look(questions, question) : pairs[i - 1].question->look;
    }
    return 0;
}

int dr_questions_make(const struct dr_bundle *bundle, const struct dr_destination *destination,
                      struct dr_questions *ret_questions, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);
    size_t room = 0;

    *ret_questions = (struct dr_questions){.targets = NULL};
    for (size_t i = 0; i < count; i++)
        room += count_questions(&images[i]);
    ret_questions->targets = calloc(count + 1, sizeof *ret_questions->targets);
    ret_questions->all = calloc(room + 1, sizeof *ret_questions->all);
    if (!ret_questions->targets || !ret_questions->all)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (dr_destination_place(destination, &images[i].reference, &ret_questions->targets[i],
                                 err) < 0)
            return -1;
        add_image(ret_questions, i, &images[i]);
    }
    return make_looks(ret_questions, err);
}

int dr_questions_ask(struct dr_questions *questions, struct dr_registry *registry,
                     struct dr_err *err)
{
    return dr_registry_look(registry, questions->looks, questions->look_count, PARALLEL, err);
}
