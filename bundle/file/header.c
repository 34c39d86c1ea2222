/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/header.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "bundle/file/sums.h"

/* Offsets and widths of the fields (GNU tar manual, "Basic Tar Format"). */
enum {
    MODE_AT = 100,
    UID_AT = 108,
    GID_AT = 116,
    SIZE_AT = 124,
    SIZE_FIELD = 12,
    TIME_AT = 136,
    CHECKSUM_AT = 148,
    CHECKSUM_FIELD = 8,
    TYPE_AT = 156,
    MAGIC_AT = 257,
};

/* Eleven octal digits end here; from 8 GiB on the size is binary, marked by the top bit. */
#define OCTAL_SIZE_END (UINT64_C(1) << 33)
#define BINARY_SIZE 0x80

static void put_octal(unsigned char *field, int digits, uint64_t value)
{
    for (int i = digits - 1; i >= 0; i--) {
        field[i] = (unsigned char)('0' + (value & 7));
        value >>= 3;
    }
}

static void put_size(unsigned char *field, uint64_t size)
{
    if (size < OCTAL_SIZE_END) {
        put_octal(field, SIZE_FIELD - 1, size);
        return;
    }
    field[0] = BINARY_SIZE;
    for (int i = SIZE_FIELD - 1; i > 0; i--) {
        field[i] = (unsigned char)(size & 0xff);
        size >>= 8;
    }
}

void dr_header_make(const char *name, uint64_t size, unsigned char ret_block[DR_BLOCK])
{
    unsigned checksum = 0;

    assert(strlen(name) < DR_MEMBER_NAME && size <= INT64_MAX);
    memset(ret_block, 0, DR_BLOCK);
    memcpy(ret_block, name, strlen(name));
    put_octal(ret_block + MODE_AT, 7, dr_sums_is_program(name) ? 0755 : 0644);
    put_octal(ret_block + UID_AT, 7, 0);
    put_octal(ret_block + GID_AT, 7, 0);
    put_size(ret_block + SIZE_AT, size);
    put_octal(ret_block + TIME_AT, 11, 0);
    ret_block[TYPE_AT] = '0';
    memcpy(ret_block + MAGIC_AT, "ustar  ", 8);
    /* The sum counts its own field as spaces, and is followed by a NUL and one of them. */
    memset(ret_block + CHECKSUM_AT, ' ', CHECKSUM_FIELD);
    for (int i = 0; i < DR_BLOCK; i++)
        checksum += ret_block[i];
    put_octal(ret_block + CHECKSUM_AT, 6, checksum);
    ret_block[CHECKSUM_AT + 6] = '\0';
}

int dr_header_size(const unsigned char block[DR_BLOCK], uint64_t *ret_size)
{
    const unsigned char *field = block + SIZE_AT;
    uint64_t size = 0;

    if (field[0] == BINARY_SIZE) {
        if (field[1] || field[2] || field[3] || field[4] & 0x80)
            return -1;
        for (int i = 4; i < SIZE_FIELD; i++)
            size = size << 8 | field[i];
    } else {
        for (int i = 0; i < SIZE_FIELD - 1; i++) {
            if (field[i] < '0' || field[i] > '7')
                return -1;
            size = size << 3 | (unsigned)(field[i] - '0');
        }
    }
    *ret_size = size;
    return 0;
}
