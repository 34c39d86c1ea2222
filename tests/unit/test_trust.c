/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#include "tests/unit/check.h"

#include "tests/unit/bundle_kit.h"

/* What a courier could do to the signatures, and what a careless signer could. */

#define SIG DR_NAME_SIGNATURE

static void refuse(const struct kit *kit, const struct dr_bundle_trust *trust,
                   const struct kit_signature *signatures, size_t count, const char *expected)
{
    struct dr_err err = DR_ERR_INIT;
    struct dr_bundle *bundle;

    kit_pack_signed(kit, signatures, count);
    bundle = dr_bundle_open(kit->path, trust, &err);
    if (bundle)
        fail_msg("was taken, and not refused with: %s", expected);
    if (!strstr(err.text, expected))
        fail_msg("expected '%s', not: %s", expected, err.text);
    assert_int_equal(err.code, DR_ERR_VERIFY);
}

static void take(const struct kit *kit, const struct dr_bundle_trust *trust,
                 const struct kit_signature *signatures, size_t count, size_t signers)
{
    struct dr_err err = DR_ERR_INIT;
    struct dr_bundle *bundle;

    kit_pack_signed(kit, signatures, count);
    bundle = dr_bundle_open(kit->path, trust, &err);
    if (!bundle)
        fail_msg("%s", err.text);
    assert_int_equal(dr_bundle_about(bundle)->signers.count, signers);
    dr_bundle_free(bundle);
}

static struct dr_bundle_trust trust_in(const struct dr_key *const *keys, size_t count,
                                       uint64_t threshold)
{
    return (struct dr_bundle_trust){
        .keys = keys, .key_count = count, .threshold = threshold, .now = KIT_TIME};
}

static void unfilled(struct kit_signature *ret, const char *name)
{
    memset(ret, 0, sizeof *ret);
    assert_int_equal(dr_text_put(ret->name, sizeof ret->name, name), 0);
    ret->size = DR_SIGNATURE_MAX;
}

static void bytes_that_are_no_signature_are_refused(void **state)
{
    struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = trust_in(&key, 1, 1);
    struct kit_signature good;
    struct kit_signature bad;

    kit_sign(kit, SIG, kit->key, &good);
    take(kit, &trust, &good, 1, 1);
    refuse(kit, &trust, NULL, 0, "'SHA256SUMS.sig'");
    bad = good;
    bad.size = 0;
    refuse(kit, &trust, &bad, 1, "is not what it must be");
    bad = good;
    bad.size = 1;
    refuse(kit, &trust, &bad, 1, "not by the given key");
    bad = good;
    bad.size -= 1;
    refuse(kit, &trust, &bad, 1, "not by the given key");
    bad = good;
    bad.size += 1;
    refuse(kit, &trust, &bad, 1, "not by the given key");
    bad = good;
    bad.size = DR_SIGNATURE_MAX + 1;
    refuse(kit, &trust, &bad, 1, "is not what it must be");
    memcpy(bad.bytes, "\x30\x06\x02\x01\x00\x02\x01\x00", 8);
    bad.size = 8;
    refuse(kit, &trust, &bad, 1, "not by the given key");
    /* Of another bundle, by the right key. */
    kit_edit(kit, DOCUMENT, "drover test", "drover rest");
    refuse(kit, &trust, &good, 1, "not by the given key");
}

static void the_algorithm_is_not_the_couriers_choice(void **state)
{
    struct kit *kit = *state;
    dr_auto_key struct dr_key *ed25519 = dr_key_new_ed25519(NULL);
    const struct dr_key *ecdsa = kit->key;
    const struct dr_key *other = ed25519;
    const struct dr_bundle_trust by_ecdsa = trust_in(&ecdsa, 1, 1);
    const struct dr_bundle_trust by_ed25519 = trust_in(&other, 1, 1);
    struct kit_signature signature;

    kit_sign(kit, SIG, ed25519, &signature);
    take(kit, &by_ed25519, &signature, 1, 1);
    refuse(kit, &by_ecdsa, &signature, 1, "not by the given key");
    kit_sign(kit, SIG, kit->key, &signature);
    refuse(kit, &by_ed25519, &signature, 1, "not by the given key");
}

static void only_different_keys_count(void **state)
{
    struct kit *kit = *state;
    const struct dr_key *keys[] = {kit->key, kit->other_key};
    const struct dr_key *twice[] = {kit->key, kit->key};
    const struct dr_bundle_trust one = trust_in(keys, 2, 1);
    const struct dr_bundle_trust two = trust_in(keys, 2, 2);
    const struct dr_bundle_trust same = trust_in(twice, 2, 2);
    struct kit_signature row[2];

    kit_sign(kit, SIG, kit->key, &row[0]);
    kit_sign(kit, NULL, kit->other_key, &row[1]);
    take(kit, &two, row, 2, 2);
    refuse(kit, &two, row, 1, "1 of the trusted keys signed it");
    refuse(kit, &same, row, 2, "1 of the trusted keys signed it");
    /* The same key twice, by another signature and by the same one under another name. */
    kit_sign(kit, NULL, kit->key, &row[1]);
    refuse(kit, &two, row, 2, "two signatures by the key");
    refuse(kit, &one, row, 2, "two signatures by the key");
    kit_cosignature(kit->other_key, row[1].name);
    refuse(kit, &two, row, 2, "bears the name of key");
    memcpy(row[1].bytes, row[0].bytes, row[0].size);
    row[1].size = row[0].size;
    refuse(kit, &one, row, 2, "bears the name of key");
}

static void a_revoked_key_counts_for_nothing_and_is_named(void **state)
{
    struct kit *kit = *state;
    const struct dr_key *good = kit->key;
    const struct dr_key *bad = kit->other_key;
    struct dr_bundle_trust trust = trust_in(&good, 1, 1);
    struct kit_signature row[2];

    trust.revoked = &bad;
    trust.revoked_count = 1;
    kit_sign(kit, SIG, kit->other_key, &row[0]);
    refuse(kit, &trust, row, 1, "which is revoked");
    kit_sign(kit, NULL, kit->key, &row[1]);
    take(kit, &trust, row, 2, 1);
    trust.threshold = 2;
    refuse(kit, &trust, row, 2, "1 of the trusted keys signed it");
}

static void slots_that_are_not_filled_sign_nothing(void **state)
{
    struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = trust_in(&key, 1, 1);
    struct kit_signature row[3];

    unfilled(&row[0], SIG);
    refuse(kit, &trust, row, 1, "it is not signed: its signature slot is unfilled");
    unfilled(&row[1], "SHA256SUMS.unsigned-2.sig");
    refuse(kit, &trust, row, 2, "it is not signed: its signature slots are unfilled");
    kit_sign(kit, SIG, kit->key, &row[0]);
    unfilled(&row[2], "SHA256SUMS.unsigned-3.sig");
    take(kit, &trust, row, 3, 1);
}

/* One form only: a courier has no choice. */
static void a_row_has_one_form(void **state)
{
    static const char *const names[] = {"SHA256SUMS.unsigned-3.sig", "SHA256SUMS.unsigned-02.sig",
                                        "SHA256SUMS.unsigned-.sig", "SHA256SUMS.x.sig",
                                        "SHA256SUMS.sig"};
    struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = trust_in(&key, 1, 1);
    struct kit_signature row[3];

    kit_sign(kit, SIG, kit->key, &row[0]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unfilled(&row[1], names[i]);
        refuse(kit, &trust, row, 2, "'SHA256SUMS.unsigned-2.sig', is not what it must be");
    }
    unfilled(&row[1], "SHA256SUMS.unsigned-2.sig");
    row[1].bytes[511] = 1;
    refuse(kit, &trust, row, 2, "not in its place");
    row[1].bytes[511] = 0;
    row[1].size = 511;
    refuse(kit, &trust, row, 2, "not in its place");
    unfilled(&row[1], "SHA256SUMS.0123456789abcdef.sig");
    refuse(kit, &trust, row, 2, "not in its place");
    /* A filled one behind an unfilled one, and co-signatures without a first. */
    unfilled(&row[1], "SHA256SUMS.unsigned-2.sig");
    kit_sign(kit, NULL, kit->other_key, &row[2]);
    refuse(kit, &trust, row, 3, "not in its place");
    unfilled(&row[0], SIG);
    row[1] = row[2];
    refuse(kit, &trust, row, 2, "not in its place");
    refuse(kit, &trust, row + 1, 1, "is not what it must be");
}

static void cosignatures_ascend(void **state)
{
    struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = trust_in(&key, 1, 1);
    struct kit_signature row[3];

    kit_sign(kit, SIG, kit->key, &row[0]);
    kit_sign(kit, "SHA256SUMS.0123456789abcdef.sig", kit->other_key, &row[1]);
    kit_sign(kit, "SHA256SUMS.0123456789abcdee.sig", kit->other_key, &row[2]);
    refuse(kit, &trust, row, 3, "not in its place");
    kit_sign(kit, "SHA256SUMS.0123456789abcdef.sig", kit->other_key, &row[2]);
    refuse(kit, &trust, row, 3, "not in its place");
    /* Nobody's key: it is carried along and counts for nothing. */
    kit_sign(kit, "SHA256SUMS.0123456789abcdf0.sig", kit->other_key, &row[2]);
    take(kit, &trust, row, 3, 1);
}

static void at_most_eight(void **state)
{
    struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = trust_in(&key, 1, 1);
    struct kit_signature row[9];

    kit_sign(kit, SIG, kit->key, &row[0]);
    for (size_t i = 1; i < 9; i++) {
        char name[DR_MEMBER_NAME];

        snprintf(name, sizeof name, "SHA256SUMS.unsigned-%zu.sig", i + 1);
        unfilled(&row[i], name);
    }
    take(kit, &trust, row, 8, 1);
    refuse(kit, &trust, row, 9, "more than 8 signatures");
}

/* A size that would make a reader wait or allocate. */
static void a_huge_signature_is_refused_by_its_header(void **state)
{
    struct kit *kit = *state;
    struct kit_signature row[1];
    struct dr_err err = DR_ERR_INIT;
    unsigned char header[DR_BLOCK];
    dr_auto_buf struct dr_buf sums = DR_BUF_INIT(1u << 20);
    int fd;

    kit_sign(kit, SIG, kit->key, row);
    kit_pack_signed(kit, row, 1);
    kit_list(kit, &sums);
    dr_header_make(SIG, UINT64_C(1) << 30, header);
    fd = open(kit->path, O_RDWR | O_CLOEXEC);
    assert_int_equal(dr_file_pwrite(fd, header, DR_BLOCK,
                                    DR_BLOCK + sums.size + dr_padding(sums.size), "kit", &err),
                     0);
    close(fd);
    check_fails(kit_verify(kit, &err), &err, DR_ERR_VERIFY, "is not what it must be");
}

static void the_signature_stands_behind_the_list(void **state)
{
    struct kit *kit = *state;
    dr_auto_buf struct dr_buf sums = DR_BUF_INIT(1u << 20);
    struct kit_signature signature;
    struct dr_err err = DR_ERR_INIT;
    int fd = open(kit->path, O_RDWR | O_TRUNC | O_CLOEXEC);

    kit_list(kit, &sums);
    kit_sign(kit, SIG, kit->key, &signature);
    kit_append(fd, SIG, signature.bytes, signature.size);
    kit_append(fd, DR_NAME_SUMS, sums.data, sums.size);
    for (size_t i = 0; i < kit->count; i++)
        kit_append(fd, kit->members[i].name, kit->members[i].data, kit->members[i].size);
    close(fd);
    check_fails(kit_verify(kit, &err), &err, DR_ERR_VERIFY, "the header of 'SHA256SUMS'");
}

static void every_flipped_bit_of_unfilled_slots_is_noticed(void **state)
{
    struct kit *kit = *state;
    dr_auto_buf struct dr_buf sums = DR_BUF_INIT(1u << 20);
    struct kit_signature row[3];
    uint64_t at;
    int fd;

    kit_sign(kit, SIG, kit->key, &row[0]);
    unfilled(&row[1], "SHA256SUMS.unsigned-2.sig");
    unfilled(&row[2], "SHA256SUMS.unsigned-3.sig");
    kit_pack_signed(kit, row, 3);
    assert_int_equal(kit_verify(kit, NULL), 0);
    kit_list(kit, &sums);
    at = DR_BLOCK + sums.size + dr_padding(sums.size);
    fd = open(kit->path, O_RDWR | O_CLOEXEC);
    for (uint64_t i = at; i < at + 3 * DR_SLOT; i++) {
        unsigned char byte;

        assert_int_equal(dr_file_pread(fd, &byte, 1, i, "kit", NULL), 0);
        byte ^= (unsigned char)(1 << i % 8);
        assert_int_equal(dr_file_pwrite(fd, &byte, 1, i, "kit", NULL), 0);
        if (kit_verify(kit, NULL) == 0)
            fail_msg("nobody noticed byte %llu", (unsigned long long)i);
        byte ^= (unsigned char)(1 << i % 8);
        assert_int_equal(dr_file_pwrite(fd, &byte, 1, i, "kit", NULL), 0);
    }
    close(fd);
}

static void a_slot_is_filled_in_its_place(void **state)
{
    struct dr_slots slots = {.count = 4};
    struct dr_digest id = {.bytes = {0}};
    struct dr_err err = DR_ERR_INIT;
    char name[DR_MEMBER_NAME];

    (void)state;
    check_ok(dr_slots_add(&slots, NULL, "first", 5, &err), &err);
    id.bytes[0] = 0xbb;
    check_ok(dr_slots_add(&slots, &id, "b", 1, &err), &err);
    id.bytes[0] = 0xaa;
    check_ok(dr_slots_add(&slots, &id, "a", 1, &err), &err);
    check_fails(dr_slots_add(&slots, &id, "a", 1, &err), &err, DR_ERR_REFUSED, "already");
    assert_string_equal(dr_slots_name(&slots, 3, name), "SHA256SUMS.unsigned-4.sig");
    id.bytes[0] = 0xcc;
    check_ok(dr_slots_add(&slots, &id, "c", 1, &err), &err);
    check_fails(dr_slots_add(&slots, &id, "d", 1, &err), &err, DR_ERR_REFUSED, "no free slot");
    assert_string_equal(dr_slots_name(&slots, 0, name), "SHA256SUMS.sig");
    assert_string_equal(dr_slots_name(&slots, 1, name), "SHA256SUMS.aa00000000000000.sig");
    assert_string_equal(dr_slots_name(&slots, 2, name), "SHA256SUMS.bb00000000000000.sig");
    assert_string_equal(dr_slots_name(&slots, 3, name), "SHA256SUMS.cc00000000000000.sig");
    assert_memory_equal(slots.items[1].bytes, "a", 1);
    assert_memory_equal(slots.items[2].bytes, "b", 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_that_are_no_signature_are_refused),
        TEST(the_algorithm_is_not_the_couriers_choice),
        TEST(only_different_keys_count),
        TEST(a_revoked_key_counts_for_nothing_and_is_named),
        TEST(slots_that_are_not_filled_sign_nothing),
        TEST(a_row_has_one_form),
        TEST(cosignatures_ascend),
        TEST(at_most_eight),
        TEST(a_huge_signature_is_refused_by_its_header),
        TEST(the_signature_stands_behind_the_list),
        TEST(every_flipped_bit_of_unfilled_slots_is_noticed),
        cmocka_unit_test(a_slot_is_filled_in_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
