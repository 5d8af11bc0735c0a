#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <locum/deadline.hpp>
#include <locum/hyperslab.hpp>

/// \file
/// Options and results of a Runtime's calls for files: proxy_from_hdf5, checkpoint, restore and their
/// relatives.
namespace locum {

/// Options of Runtime::proxy_from_hdf5.
struct Hdf5Options {
  /// Box of the dataset, with strides if needed (see Hyperslab), with the extents of the object; none: all.
  Hyperslab slab = {};
  /// The name of the store that the object belongs to.
  std::string_view store = "hdf5";
  /// Deadline of messages to other nodes, if the store, or the object's name, has its home there.
  TimeLimit deadline = {};
};

/// Options of Runtime::checkpoint and Runtime::checkpoint_async.
struct CheckpointOptions {
  /// Only the named objects whose names begin with this. Empty: all objects, named or not.
  std::string_view prefix = {};
  /// How many of the newest checkpoints of the series, this one included, stay once it is complete: older
  /// ones are removed. The series consists of the checkpoints of this store, written with `keep`, in files of
  /// one folder whose names differ in their last number only: step0041.h5, step0042.h5. No other file is
  /// removed. The newest is the one written last, whatever its number and the clock. 0: all stay, and this
  /// one stays whatever `keep` later ones have.
  std::uint32_t keep = 0;
  /// The level of deflate, 1 (fast) to 9 (small), by which objects of 64 KiB and more are compressed, after
  /// their bytes were shuffled. HDF5 does that in the calling thread, before checkpoint_async() returns. 0:
  /// none, which is much faster.
  int compress = 0;
  /// The number of another filter of HDF5 in place of deflate, as registered with The HDF Group: 4 is szip,
  /// 32015 Zstandard. HDF5 has it, or finds its plugin (HDF5_PLUGIN_PATH), in the job that writes and in
  /// those that read. It has to restore the same bytes; an object whose bytes differ is `corrupt` when it is
  /// restored.
  std::uint32_t filter = 0;
  /// Parameters of that filter, as its documentation defines them.
  std::vector<std::uint32_t> filter_values = {};
  /// Largest chunk of a dataset, 4 KiB to 16 MiB; whole rows where they fit. The datasets then have chunks
  /// even without `compress` or `filter`, and HDF5 writes them in the calling thread. 0: 1 MiB where
  /// something is compressed, else no chunks.
  std::uint64_t chunk_bytes = 0;
  /// Objects of 64 KiB and more are not written again if the last complete checkpoint of this store has them
  /// that this runtime wrote with `incremental`, to any path: its files with them become files of this one,
  /// too, by hard links. So any of the two can be removed, replaced or moved alone. All objects are written
  /// if there is no such checkpoint, as after a restore, or the file system has no hard links; so are objects
  /// in files of which less than half is still in use. `compress` has no effect on objects that are not
  /// written again.
  bool incremental = false;
  /// Also write a file which describes the named arrays of numbers that are datasets, of two or three
  /// extents, for ParaView and other programs that read XDMF: step0042.xdmf beside step0042.h5.
  bool xdmf = false;
  /// Named arrays of numbers of at least this many bytes are datasets under their names, as all objects of 64
  /// KiB and more are, so that other programs, such as h5py, find them by name. Each costs some 50 to 100
  /// microseconds more than one that is packed, in the calling thread.
  std::uint64_t dataset_bytes = 64 * 1024;
  /// Until when the ranks wait for each other, and for the bytes to be on the disk. Default: the runtime's
  /// `collective_timeout`.
  TimeLimit deadline = {};
};

/// Options of Runtime::restore and Runtime::restore_latest.
struct RestoreOptions {
  /// Only the named objects whose names begin with this. Empty: all objects, named or not.
  std::string_view prefix = {};
  /// Whether handles of the objects that an earlier runtime made, for example those inside of stored values,
  /// stay valid. Takes an object of 100 to 230 bytes for each one, and two messages for those whose
  /// name has its home on another node.
  bool keep_handles = true;
  /// Whether an object that is damaged, or whose file is missing, is listed in CheckpointReport::damaged, and
  /// all others are restored. A damaged table of handles is listed, too, and handles are not kept then.
  /// False: one damaged object is an error, and nothing is restored.
  bool skip_damaged = false;
  /// Whether only the tables are read now: all names and handles exist, and the bytes of an object are read
  /// from its file, and checked, when a rank first uses it; once in the job. So the time of the call does not
  /// depend on the sizes of the objects, and an unused object takes no memory but a record of some 500 bytes.
  /// Differences:
  /// - The files must stay, where all ranks see them, until all objects are read. A checkpoint() that
  ///   replaces or removes them first reads the remaining objects, and so does one of the store itself. A
  ///   checkpoint that is being written in the background does not: wait for its result before the restore.
  /// - Damage is found when an object is used: that object is `corrupt` then, `not_found` if its file was
  ///   removed, on each rank that uses it, each time. exists(), keys(), evict() and replace() read nothing;
  ///   info() and proxy() of a name do. Objects of up to 512 bytes are read now.
  /// - A use may end with `out_of_memory`, `system` or `timeout`, like that of a part of a file (see
  ///   Runtime::proxy_from_hdf5), also in the thread that reads the object where HDF5 has compressed it.
  /// - Reading an object makes a new generation of its name.
  bool lazy = false;
  /// See CheckpointOptions::deadline.
  TimeLimit deadline = {};
};

/// Contents of a checkpoint, or of the objects restored from one: sums over all ranks, the same on each of
/// them.
struct CheckpointReport {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;  ///< of their payloads
  /// With `incremental`: how many of them were not written, because an earlier checkpoint has them.
  std::uint64_t reused_bytes = 0;
  std::uint64_t files = 0;   ///< one for each node, beside the named one
  std::string path;          ///< of the named file, or of the one that restore_latest() has found
  std::uint64_t number = 0;  ///< the last number in its name before the extension: 42 of step0042.h5; for
                             ///< restore_latest the one in place of the `*`
  /// For restore_latest: newer checkpoints that could not be restored, and unreadable files, with the
  /// reasons.
  std::vector<std::string> passed_over;
  /// With `skip_damaged`: the damage of each object that was left out; at most 100 of them.
  std::vector<std::string> damaged;
  std::uint64_t damaged_objects = 0;  ///< how many were left out
};

}  // namespace locum
