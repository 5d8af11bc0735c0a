/* What programs that were built before rely on: sizes and places of the structures of <locum/locum_mpi.h>, and its numbers,
 * where pointers have 64 bits. docs/c_abi.md says what may change; new lines are added at will. */
#include <stddef.h>

#include <locum/locum_mpi.h>

#define SIZE(structure, bytes) _Static_assert(sizeof(structure) == (bytes), "the size of " #structure)
#define PLACE(structure, member, bytes) \
  _Static_assert(offsetof(structure, member) == (bytes), "the place of " #member " in " #structure)
#define NUMBER(constant, value) _Static_assert((constant) == (value), "the value of " #constant)

SIZE(locum_runtime_options, 136);
PLACE(locum_runtime_options, memory_bytes, 0);
PLACE(locum_runtime_options, timeout_s, 8);
PLACE(locum_runtime_options, collective_timeout_s, 16);
PLACE(locum_runtime_options, peer_timeout_s, 24);
PLACE(locum_runtime_options, prefetch_bytes, 32);
PLACE(locum_runtime_options, prepare_bytes, 40);
PLACE(locum_runtime_options, spill_bytes, 48);
PLACE(locum_runtime_options, spill_folder, 56);
PLACE(locum_runtime_options, stores, 64);
PLACE(locum_runtime_options, name, 72);
PLACE(locum_runtime_options, ranks_per_node, 80);
PLACE(locum_runtime_options, transport, 84);
PLACE(locum_runtime_options, log, 88);
PLACE(locum_runtime_options, checkpoint_signal, 92);
PLACE(locum_runtime_options, as_others, 96);
PLACE(locum_runtime_options, reserved, 104);

SIZE(locum_place, 48);
PLACE(locum_place, rank, 0);
PLACE(locum_place, ranks, 4);
PLACE(locum_place, node, 8);
PLACE(locum_place, nodes, 12);
PLACE(locum_place, reserved, 16);

SIZE(locum_store_options, 72);
PLACE(locum_store_options, timeout_s, 0);
PLACE(locum_store_options, memory_bytes, 8);
PLACE(locum_store_options, lifetime_s, 16);
PLACE(locum_store_options, checksum, 24);
PLACE(locum_store_options, connector, 32);
PLACE(locum_store_options, reserved, 40);

SIZE(locum_string, 24);
PLACE(locum_string, text, 0);
PLACE(locum_string, length, 8);
PLACE(locum_string, library, 16);

SIZE(locum_checkpoint_options, 64);
PLACE(locum_checkpoint_options, deadline_s, 0);
PLACE(locum_checkpoint_options, prefix, 8);
PLACE(locum_checkpoint_options, keep, 16);
PLACE(locum_checkpoint_options, compress, 20);
PLACE(locum_checkpoint_options, incremental, 24);
PLACE(locum_checkpoint_options, xdmf, 25);
PLACE(locum_checkpoint_options, reserved, 32);

SIZE(locum_restore_options, 56);
PLACE(locum_restore_options, deadline_s, 0);
PLACE(locum_restore_options, prefix, 8);
PLACE(locum_restore_options, forget_handles, 16);
PLACE(locum_restore_options, skip_damaged, 17);
PLACE(locum_restore_options, lazy, 18);
PLACE(locum_restore_options, reserved, 24);

SIZE(locum_checkpoint_report, 80);
PLACE(locum_checkpoint_report, objects, 0);
PLACE(locum_checkpoint_report, bytes, 8);
PLACE(locum_checkpoint_report, reused_bytes, 16);
PLACE(locum_checkpoint_report, files, 24);
PLACE(locum_checkpoint_report, number, 32);
PLACE(locum_checkpoint_report, damaged_objects, 40);
PLACE(locum_checkpoint_report, reserved, 48);

SIZE(locum_hdf5_options, 248);
PLACE(locum_hdf5_options, deadline_s, 0);
PLACE(locum_hdf5_options, store, 8);
PLACE(locum_hdf5_options, box, 16);
PLACE(locum_hdf5_options, reserved, 216);

NUMBER(LOCUM_TRANSPORT_AUTOMATIC, 0);
NUMBER(LOCUM_TRANSPORT_UCX, 1);
NUMBER(LOCUM_TRANSPORT_MPI, 2);

NUMBER(LOCUM_LOG_WARNINGS, 0);
NUMBER(LOCUM_LOG_OFF, 1);
NUMBER(LOCUM_LOG_INFO, 2);
