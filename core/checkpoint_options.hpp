#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <locum/deadline.hpp>

/// \file
/// Options and results of Runtime::checkpoint, Runtime::restore and their relatives.
namespace locum {

/// Options of Runtime::checkpoint and Runtime::checkpoint_async.
struct CheckpointOptions {
  /// Only the named objects whose names begin with this. Empty: all objects, named or not.
  std::string_view prefix = {};
  /// Once this checkpoint is complete, only the newest so many of its series stay, this one among them: older
  /// ones are removed. The series are the checkpoints of this store, written with `keep`, in files of one
  /// folder whose names differ in their last number only: step0041.h5, step0042.h5. No other file is removed.
  /// The newest is the one written last, whatever its number and the clock. 0: all stay, and this one stays
  /// whatever later ones say.
  std::uint32_t keep = 0;
  /// The level of deflate, 1 (fast) to 9 (small), by which objects of 64 KiB and more are compressed, after
  /// their bytes were shuffled. HDF5 does that in the calling thread, before checkpoint_async() returns. 0:
  /// none, which is much faster.
  int compress = 0;
  /// The number of another filter of HDF5 in place of deflate, as registered with The HDF Group: 4 is szip,
  /// 32015 Zstandard. HDF5 has it, or finds its plugin (HDF5_PLUGIN_PATH), in the job that writes and in
  /// those that read. It has to give the same bytes back; what does not is `corrupt` when it is restored.
  std::uint32_t filter = 0;
  /// Parameters of that filter, as its documentation has them.
  std::vector<std::uint32_t> filter_values = {};
  /// The most that a chunk of a dataset has, 4 KiB to 16 MiB; by whole rows where they fit. Without compress
  /// or filter the datasets are in chunks as well then, and HDF5 writes them in the calling thread. 0: 1 MiB
  /// where something is compressed, else no chunks.
  std::uint64_t chunk_bytes = 0;
  /// Objects of 64 KiB and more are not written again if the last complete checkpoint of this store has them
  /// that this runtime wrote with `incremental`, to any path: its files with them become files of this one,
  /// too, by hard links. So any of the two can be removed, replaced or moved alone. All is written where
  /// there is no such checkpoint, as after a restore, or the file system has no hard links; so are objects in
  /// files of which less than half is still in use. `compress` has no effect on what is not written again.
  bool incremental = false;
  /// Also write a file which describes the named arrays of numbers that are datasets, of two or three
  /// extents, for ParaView and other programs that read XDMF: step0042.xdmf beside step0042.h5.
  bool xdmf = false;
  /// Named arrays of numbers of at least so many bytes are datasets under their names, as all objects of 64
  /// KiB and more are: other programs, such as h5py, then find them by these. Each costs some 50 to 100
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
  /// Restore the others where an object is damaged or its file is gone, and list it in
  /// CheckpointReport::damaged, as a damaged table of handles, which are not kept then. False: one damaged
  /// object is an error, and nothing is restored.
  bool skip_damaged = false;
  /// Only the tables are read now: all names and handles are there, and the bytes of an object are read from
  /// its file, and checked, when a rank first uses it; once in the job. So the time of the call does not
  /// depend on the sizes of the objects, and what nobody uses takes no memory but a record of some 500 bytes.
  /// What differs:
  /// - The files must stay, where all ranks see them, until all is read. A checkpoint() that replaces or
  ///   removes them reads first what is left, and so does one of the store itself. One that is being written
  ///   in the background does not know of it: wait for its result before.
  /// - Damage is found when an object is used: that object is `corrupt` then, `not_found` if its file has
  ///   gone, on each rank that uses it, each time. exists(), keys(), evict() and replace() read nothing;
  ///   info() and proxy() of a name do. Objects of up to 512 bytes are read now.
  /// - A use may be `out_of_memory`, `system` or `timeout`, as one of what is part of a file (see
  ///   Runtime::proxy_from_hdf5), also in the thread that reads it where HDF5 has compressed it.
  /// - Reading an object makes a new generation of its name.
  bool lazy = false;
  /// As in CheckpointOptions.
  TimeLimit deadline = {};
};

/// What a checkpoint has, or what was restored from one: of all ranks together, the same on all of them.
struct CheckpointReport {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;  ///< of their payloads
  /// Of a checkpoint with `incremental`: so many of them were not written, as an earlier one has them.
  std::uint64_t reused_bytes = 0;
  std::uint64_t files = 0;   ///< one a node, beside the one that was named
  std::string path;          ///< of the file that was named, or that restore_latest() has found
  std::uint64_t number = 0;  ///< the last one in its name before the extension: 42 of step0042.h5; of
                             ///< restore_latest that in place of the `*`
  /// Of restore_latest: newer ones that could not be restored, and files of which nothing can be read, and
  /// why.
  std::vector<std::string> passed_over;
  /// Of restore with `skip_damaged`: what is wrong with each object that was left out; at most 100 of them.
  std::vector<std::string> damaged;
  std::uint64_t damaged_objects = 0;  ///< how many were left out
};

}  // namespace locum
