/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_COMMANDS_H
#define DROVER_CLI_COMMANDS_H

/* The commands themselves, one cli/cmd_<name>.c each; see dr_command_fn in cli/cli.h. */

#include "cli/cli.h"

dr_command_fn dr_cmd_bundle;
dr_command_fn dr_cmd_releases;
dr_command_fn dr_cmd_verify;
dr_command_fn dr_cmd_inspect;
dr_command_fn dr_cmd_diff;
dr_command_fn dr_cmd_merge;
dr_command_fn dr_cmd_split;
dr_command_fn dr_cmd_parity;
dr_command_fn dr_cmd_repair;
dr_command_fn dr_cmd_mirror;
dr_command_fn dr_cmd_audit;
dr_command_fn dr_cmd_receipt;
dr_command_fn dr_cmd_load;
dr_command_fn dr_cmd_serve;
dr_command_fn dr_cmd_apply;
dr_command_fn dr_cmd_status;
dr_command_fn dr_cmd_rollback;
dr_command_fn dr_cmd_backup;
dr_command_fn dr_cmd_sign;
dr_command_fn dr_cmd_attach;
dr_command_fn dr_cmd_key;
dr_command_fn dr_cmd_config;
dr_command_fn dr_cmd_licenses;
dr_command_fn dr_cmd_doctor;
dr_command_fn dr_cmd_completion;

#endif
