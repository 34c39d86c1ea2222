/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/elf.h"

#include <elf.h>
#include <endian.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* More headers than any linker makes. */
#define SEGMENTS_MAX 128

static const char *architecture_of(unsigned machine)
{
    switch (machine) {
    case EM_X86_64:
        return "x86_64";
    case EM_AARCH64:
        return "aarch64";
    case EM_PPC64:
        return "ppc64le";
    case EM_RISCV:
        return "riscv64";
    default:
        return NULL;
    }
}

static int fail_kind(const char *what, const char *why, struct dr_err *err)
{
    return dr_fail(err, DR_ERR_FORMAT, "'%s' is no drover for another host: %s", what, why);
}

/* False: there are not so many bytes. */
static bool read_at(int fd, void *ret, size_t size, uint64_t offset)
{
    return offset <= INT64_MAX && pread(fd, ret, size, (off_t)offset) == (ssize_t)size;
}

/* 1: a segment names an interpreter, 0: none does, -1: they are not where they should be. */
static int has_interpreter(int fd, const Elf64_Ehdr *header)
{
    uint64_t offset = le64toh(header->e_phoff);
    unsigned count = le16toh(header->e_phnum);

    if (le16toh(header->e_phentsize) != sizeof(Elf64_Phdr) || count == 0 || count > SEGMENTS_MAX)
        return -1;
    for (unsigned i = 0; i < count; i++) {
        Elf64_Phdr segment;

        if (offset > INT64_MAX - sizeof segment || !read_at(fd, &segment, sizeof segment, offset))
            return -1;
        if (le32toh(segment.p_type) == PT_INTERP)
            return 1;
        offset += sizeof segment;
    }
    return 0;
}

int dr_elf_read(int fd, const char *what, struct dr_elf *ret_elf, struct dr_err *err)
{
    Elf64_Ehdr header;
    unsigned type;
    int dynamic;

    if (!read_at(fd, &header, sizeof header, 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return fail_kind(what, "it is no executable for Linux (ELF)", err);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
        return fail_kind(what, "drover needs 64 bits, little endian", err);
    type = le16toh(header.e_type);
    if (type != ET_EXEC && type != ET_DYN)
        return fail_kind(what, "it is an object file, no executable", err);
    ret_elf->architecture = architecture_of(le16toh(header.e_machine));
    if (!ret_elf->architecture)
        return fail_kind(what, "drover does not know its architecture", err);
    dynamic = has_interpreter(fd, &header);
    if (dynamic < 0)
        return fail_kind(what, "its program headers are damaged", err);
    ret_elf->dynamic = dynamic == 1;
    return 0;
}
