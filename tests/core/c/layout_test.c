/* What programs that were built before rely on: sizes and places of the structures of <locum/locum.h>, and its numbers,
 * where pointers have 64 bits. docs/c_abi.md says what may change; new lines are added at will. */
#include <stddef.h>

#include <locum/locum.h>

#define SIZE(structure, bytes) _Static_assert(sizeof(structure) == (bytes), "the size of " #structure)
#define PLACE(structure, member, bytes) \
  _Static_assert(offsetof(structure, member) == (bytes), "the place of " #member " in " #structure)
#define NUMBER(constant, value) _Static_assert((constant) == (value), "the value of " #constant)

SIZE(locum_text, 16);
PLACE(locum_text, first, 0);
PLACE(locum_text, length, 8);

SIZE(locum_array, 160);
PLACE(locum_array, type, 0);
PLACE(locum_array, rank, 4);
PLACE(locum_array, extents, 8);
PLACE(locum_array, strides, 72);
PLACE(locum_array, data, 136);
PLACE(locum_array, type_name, 144);

SIZE(locum_key, 16);
PLACE(locum_key, store, 0);
PLACE(locum_key, creator, 4);
PLACE(locum_key, serial, 8);

SIZE(locum_handle, 64);
PLACE(locum_handle, words, 0);

SIZE(locum_session_options, 48);
PLACE(locum_session_options, timeout_s, 0);
PLACE(locum_session_options, most_threads, 8);
PLACE(locum_session_options, reserved, 16);

SIZE(locum_put_options, 72);
PLACE(locum_put_options, deadline_s, 0);
PLACE(locum_put_options, lifetime_s, 8);
PLACE(locum_put_options, waits_for_room, 16);
PLACE(locum_put_options, listed, 17);
PLACE(locum_put_options, tag, 24);
PLACE(locum_put_options, expected_generation, 32);
PLACE(locum_put_options, reserved, 40);

SIZE(locum_codec, 80);
PLACE(locum_codec, name, 0);
PLACE(locum_codec, at_most, 8);
PLACE(locum_codec, size, 16);
PLACE(locum_codec, encode, 24);
PLACE(locum_codec, decode, 32);
PLACE(locum_codec, context, 40);
PLACE(locum_codec, reserved, 48);

SIZE(locum_view, 248);
PLACE(locum_view, array, 0);
PLACE(locum_view, key, 160);
PLACE(locum_view, size_bytes, 176);
PLACE(locum_view, library, 184);

SIZE(locum_get_options, 8);
PLACE(locum_get_options, deadline_s, 0);

SIZE(locum_box, 200);
PLACE(locum_box, rank, 0);
PLACE(locum_box, start, 8);
PLACE(locum_box, count, 72);
PLACE(locum_box, stride, 136);

SIZE(locum_read_options, 208);
PLACE(locum_read_options, deadline_s, 0);
PLACE(locum_read_options, box, 8);

SIZE(locum_info, 216);
PLACE(locum_info, key, 0);
PLACE(locum_info, size_bytes, 16);
PLACE(locum_info, type, 24);
PLACE(locum_info, type_name, 32);
PLACE(locum_info, rank, 48);
PLACE(locum_info, extents, 56);
PLACE(locum_info, owner, 120);
PLACE(locum_info, generation, 128);
PLACE(locum_info, name, 136);
PLACE(locum_info, codec, 152);
PLACE(locum_info, expires_s, 168);
PLACE(locum_info, library, 176);
PLACE(locum_info, reserved, 184);

SIZE(locum_names, 24);
PLACE(locum_names, count, 0);
PLACE(locum_names, names, 8);
PLACE(locum_names, library, 16);

SIZE(locum_file_options, 72);
PLACE(locum_file_options, format, 0);
PLACE(locum_file_options, options, 8);
PLACE(locum_file_options, backend, 16);
PLACE(locum_file_options, deadline_s, 24);
PLACE(locum_file_options, record, 32);
PLACE(locum_file_options, map, 40);
PLACE(locum_file_options, member, 48);
PLACE(locum_file_options, reserved, 56);

SIZE(locum_file_list_options, 64);
PLACE(locum_file_list_options, pattern, 0);
PLACE(locum_file_list_options, backend, 8);
PLACE(locum_file_list_options, recursive, 16);
PLACE(locum_file_list_options, folders, 24);
PLACE(locum_file_list_options, reserved, 32);

SIZE(locum_record_item, 192);
PLACE(locum_record_item, name, 0);
PLACE(locum_record_item, kind, 16);
PLACE(locum_record_item, depth, 20);
PLACE(locum_record_item, count, 24);
PLACE(locum_record_item, value, 32);

SIZE(locum_files_options, 48);
SIZE(locum_experiment_options, 72);
PLACE(locum_experiment_options, commit, 0);
PLACE(locum_experiment_options, backend, 8);
PLACE(locum_experiment_options, outside_bytes, 16);
PLACE(locum_experiment_options, no_table, 24);
PLACE(locum_experiment_options, table_wait_s, 32);
PLACE(locum_experiment_options, reserved, 40);
PLACE(locum_files_options, kept_s, 0);
PLACE(locum_files_options, timeout_s, 8);
PLACE(locum_files_options, reserved, 16);

SIZE(locum_zarr_options, 40);
PLACE(locum_zarr_options, backend, 0);
PLACE(locum_zarr_options, reserved, 8);

SIZE(locum_zarr_layout, 272);
PLACE(locum_zarr_layout, type, 0);
PLACE(locum_zarr_layout, rank, 4);
PLACE(locum_zarr_layout, shape, 8);
PLACE(locum_zarr_layout, chunks, 72);
PLACE(locum_zarr_layout, shards, 136);
PLACE(locum_zarr_layout, codecs, 200);
PLACE(locum_zarr_layout, fill, 208);
PLACE(locum_zarr_layout, dimensions, 216);
PLACE(locum_zarr_layout, attributes, 224);
PLACE(locum_zarr_layout, version, 232);
PLACE(locum_zarr_layout, reserved, 240);

SIZE(locum_zarr_info, 240);
PLACE(locum_zarr_info, type, 0);
PLACE(locum_zarr_info, rank, 4);
PLACE(locum_zarr_info, shape, 8);
PLACE(locum_zarr_info, chunks, 72);
PLACE(locum_zarr_info, files, 136);
PLACE(locum_zarr_info, version, 200);
PLACE(locum_zarr_info, reserved, 208);

SIZE(locum_zarr_read_options, 232);
PLACE(locum_zarr_read_options, box, 0);
PLACE(locum_zarr_read_options, strict, 200);
PLACE(locum_zarr_read_options, shared, 208);
PLACE(locum_zarr_read_options, reserved, 216);

SIZE(locum_zarr_write_options, 96);
PLACE(locum_zarr_write_options, start, 0);
PLACE(locum_zarr_write_options, partial, 64);
PLACE(locum_zarr_write_options, deadline_s, 72);
PLACE(locum_zarr_write_options, reserved, 80);

SIZE(locum_zarr_group_options, 48);
PLACE(locum_zarr_group_options, backend, 0);
PLACE(locum_zarr_group_options, consolidated, 8);
PLACE(locum_zarr_group_options, reserved, 16);

SIZE(locum_format_option, 16);
PLACE(locum_format_option, name, 0);
PLACE(locum_format_option, meaning, 8);

SIZE(locum_format, 96);
PLACE(locum_format, name, 0);
PLACE(locum_format, endings, 8);
PLACE(locum_format, holds, 16);
PLACE(locum_format, options, 24);
PLACE(locum_format, load, 32);
PLACE(locum_format, save, 40);
PLACE(locum_format, info, 48);
PLACE(locum_format, context, 56);
PLACE(locum_format, recognises, 64);
PLACE(locum_format, reserved, 72);

SIZE(locum_backend, 120);
PLACE(locum_backend, scheme, 0);
PLACE(locum_backend, largest_record, 8);
PLACE(locum_backend, longest_name, 16);
PLACE(locum_backend, is_durable, 20);
PLACE(locum_backend, shared_by, 24);
PLACE(locum_backend, open, 32);
PLACE(locum_backend, close, 40);
PLACE(locum_backend, get, 48);
PLACE(locum_backend, put, 56);
PLACE(locum_backend, remove, 64);
PLACE(locum_backend, keys, 72);
PLACE(locum_backend, context, 80);
PLACE(locum_backend, reserved, 88);

SIZE(locum_step_writer_options, 64);
PLACE(locum_step_writer_options, queue_steps, 0);
PLACE(locum_step_writer_options, queue_bytes, 8);
PLACE(locum_step_writer_options, when_full, 16);
PLACE(locum_step_writer_options, rendezvous_readers, 20);
PLACE(locum_step_writer_options, file, 24);
PLACE(locum_step_writer_options, reserved, 32);

SIZE(locum_block, 136);
PLACE(locum_block, rank, 0);
PLACE(locum_block, shape, 8);
PLACE(locum_block, start, 72);

SIZE(locum_step_reader_options, 72);
PLACE(locum_step_reader_options, start_at, 0);
PLACE(locum_step_reader_options, ahead, 4);
PLACE(locum_step_reader_options, group, 8);
PLACE(locum_step_reader_options, file, 16);
PLACE(locum_step_reader_options, first_step, 24);
PLACE(locum_step_reader_options, every, 32);
PLACE(locum_step_reader_options, reserved, 40);

SIZE(locum_variable, 136);
PLACE(locum_variable, name, 0);
PLACE(locum_variable, type, 16);
PLACE(locum_variable, rank, 20);
PLACE(locum_variable, shape, 24);
PLACE(locum_variable, blocks, 88);
PLACE(locum_variable, size_bytes, 96);
PLACE(locum_variable, reserved, 104);

SIZE(locum_variables, 24);
PLACE(locum_variables, count, 0);
PLACE(locum_variables, variables, 8);
PLACE(locum_variables, library, 16);

NUMBER(LOCUM_OK, 0);
NUMBER(LOCUM_INVALID_ARGUMENT, 1);
NUMBER(LOCUM_NOT_FOUND, 2);
NUMBER(LOCUM_KEY_EXISTS, 3);
NUMBER(LOCUM_TYPE_MISMATCH, 4);
NUMBER(LOCUM_STALE, 5);
NUMBER(LOCUM_OUT_OF_MEMORY, 6);
NUMBER(LOCUM_TIMEOUT, 7);
NUMBER(LOCUM_PEER_LOST, 8);
NUMBER(LOCUM_CORRUPT, 9);
NUMBER(LOCUM_CLOSED, 10);
NUMBER(LOCUM_OPTIONS_DIFFER, 11);
NUMBER(LOCUM_UNSUPPORTED, 12);
NUMBER(LOCUM_SYSTEM, 13);
NUMBER(LOCUM_CANCELLED, 14);
NUMBER(LOCUM_BROKEN_PROMISE, 15);
NUMBER(LOCUM_END_OF_STREAM, 16);
NUMBER(LOCUM_QUEUE_FULL, 17);
NUMBER(LOCUM_VALUE_TOO_LARGE, 18);

NUMBER(LOCUM_NO_TYPE, 0);
NUMBER(LOCUM_I8, 1);
NUMBER(LOCUM_I16, 2);
NUMBER(LOCUM_I32, 3);
NUMBER(LOCUM_I64, 4);
NUMBER(LOCUM_U8, 5);
NUMBER(LOCUM_U16, 6);
NUMBER(LOCUM_U32, 7);
NUMBER(LOCUM_U64, 8);
NUMBER(LOCUM_F32, 9);
NUMBER(LOCUM_F64, 10);
NUMBER(LOCUM_C64, 11);
NUMBER(LOCUM_C128, 12);
NUMBER(LOCUM_BOOL, 13);
NUMBER(LOCUM_CHAR, 14);
NUMBER(LOCUM_BYTE, 15);
NUMBER(LOCUM_CLASS, 16);
NUMBER(LOCUM_ENCODED, 17);

NUMBER(LOCUM_NO_FILE, 0);
NUMBER(LOCUM_FILE, 1);
NUMBER(LOCUM_FOLDER, 2);

NUMBER(LOCUM_BY_PROCESS, 0);
NUMBER(LOCUM_BY_HOST, 1);
NUMBER(LOCUM_BY_HOSTS, 2);

SIZE(locum_shards_options, 56);
PLACE(locum_shards_options, block_bytes, 8);
PLACE(locum_shards_options, readonly, 16);

SIZE(locum_epochs_options, 80);
PLACE(locum_epochs_options, shuffle_block, 8);
PLACE(locum_epochs_options, remainder, 16);
PLACE(locum_epochs_options, in_order, 20);
PLACE(locum_epochs_options, no_read_ahead, 21);
PLACE(locum_epochs_options, skip_damaged, 22);
PLACE(locum_epochs_options, first, 24);
PLACE(locum_epochs_options, count, 32);
PLACE(locum_epochs_options, state, 40);

NUMBER(LOCUM_REMAINDER_EXACT, 0);
NUMBER(LOCUM_REMAINDER_DROP, 1);
NUMBER(LOCUM_REMAINDER_PAD, 2);

NUMBER(LOCUM_WAIT, 0);
NUMBER(LOCUM_FAIL, 1);
NUMBER(LOCUM_DROP_OLDEST, 2);
NUMBER(LOCUM_DROP_NEWEST, 3);

NUMBER(LOCUM_OLDEST, 0);
NUMBER(LOCUM_NEWEST, 1);
NUMBER(LOCUM_NEXT, 2);
