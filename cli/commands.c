/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stddef.h>

#include "cli/cli.h"

const struct dr_command dr_commands[] = {
    {"bundle", dr_cmd_bundle, "fetch the images of a Rancher release into one signed file"},
    {"releases", dr_cmd_releases, "show what each Rancher release consists of"},
    {"verify", dr_cmd_verify, "check a bundle: signature, every byte, every image"},
    {"inspect", dr_cmd_inspect, "show what is in a bundle"},
    {"diff", dr_cmd_diff, "show what two bundles do not have in common"},
    {"merge", dr_cmd_merge, "join volumes, or a delta and what it builds on, into one file"},
    {"split", dr_cmd_split, "cut a bundle into volumes, for media that are too small"},
    {"parity", dr_cmd_parity, "make what a bundle can be repaired with later"},
    {"repair", dr_cmd_repair, "restore a damaged bundle, or its volumes, by their parity"},
    {"mirror", dr_cmd_mirror, "push a bundle into a private registry"},
    {"audit", dr_cmd_audit, "check that a registry has all of a bundle, bit for bit"},
    {"receipt", dr_cmd_receipt,
     "show a receipt, make it a code to type or a picture, read it back"},
    {"load", dr_cmd_load, "load a bundle into this host's engine, where there is no registry"},
    {"serve", dr_cmd_serve, "be a registry for a bundle, straight from the file, for reading"},
    {"apply", dr_cmd_apply, "upgrade Rancher on this host from a bundle and its mirror"},
    {"doctor", dr_cmd_doctor, "check a host before the window, and change nothing"},
    {"status", dr_cmd_status, "where an upgrade stands, and what to do next"},
    {"rollback", dr_cmd_rollback, "go back from an upgrade to the old server and its database"},
    {"backup", dr_cmd_backup, "check a copy of a server's database"},
    {"sign", dr_cmd_sign, "make a signature of a bundle that another holds"},
    {"attach", dr_cmd_attach, "fill a signature into a bundle"},
    {"key", dr_cmd_key, "make and show signing keys"},
    {"config", dr_cmd_config, "show what is set for this site, and where"},
    {"completion", dr_cmd_completion, "print the completions for bash, zsh or fish"},
    {"licenses", dr_cmd_licenses, "print the notices of all that drover is made of"},
    {NULL, NULL, NULL},
};
