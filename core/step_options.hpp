#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <locum/deadline.hpp>
#include <locum/extents.hpp>
#include <locum/hyperslab.hpp>
#include <locum/room_policy.hpp>
#include <locum/session.hpp>

/// \file
/// Options of streams of steps: see StepWriter and StepReader.
namespace locum {

/// The ranks that write or read a stream of steps together, described for one of them: Runtime::step_side()
/// makes it from a communicator.
struct StepSide {
  Session session;
  std::size_t index = 0;  ///< index of this rank among them
  std::size_t count = 1;  ///< number of these ranks
  /// Identifies the side: equal on all its ranks, different from that of any other side of this runtime; not
  /// 0.
  std::uint64_t number = 0;
};

/// Options of a StepWriter; the same on all its ranks.
struct StepWriterOptions {
  /// Largest number of steps that exist at a time: ended and not yet released by all readers, and with
  /// WhenFull::wait and WhenFull::fail also the one that is being written. More than 0.
  std::uint32_t queue_steps = 4;
  /// Largest number of bytes of these steps, over all ranks: a further step begins only if one as large as
  /// the last one fits, or if there is none. 0: limited only by the memory of the nodes.
  std::uint64_t queue_bytes = 0;
  /// With `wait` and `fail` no step is lost: steps are kept from the first one on, even before a reader has
  /// joined; once all readers that joined have left, the oldest ones are dropped. A stream that is written to
  /// a `file` drops the oldest ones from memory while it has no reader there.
  WhenFull when_full = WhenFull::wait;
  /// Number of readers for which the first begin() waits; the ranks of one StepReader are one reader. 0: it
  /// does not wait.
  std::uint32_t rendezvous_readers = 0;
  /// File to which each step is also written, and from which a StepReader with this option reads it later, in
  /// this job or another one. All ranks must see the same files there. end() then blocks until the rank's
  /// part is on the disk, and readers see the step when all parts are. A path that ends in `.zarr` is that of
  /// a folder with a group of Zarr, version 3 (docs/guide/zarr.md), which holds numbers and arrays of numbers
  /// that keep their type and global extents: end() refuses others, and names them; any other path is that of
  /// an HDF5 file (docs/guide/hdf5.md). Neither is written over or continued, also not one that a killed job
  /// has left: `key_exists`. Empty: no file.
  std::string file = {};
};

/// The step with which a reader begins that joins a stream or reads its file, which has all steps.
enum class StartAt : std::uint8_t {
  oldest,  ///< the oldest step that still exists
  newest,  ///< the newest one
  next,    ///< the first one that ends after the reader has joined
};

/// Options of a StepReader; the same on all its ranks.
struct StepReaderOptions {
  StartAt start_at = StartAt::oldest;
  /// Readers that give the same name share the steps: each step is read by the first one to ask for it or, if
  /// that one dies before it has released the step, by another. A member that holds no step therefore gets
  /// the end of the stream only when the others have released theirs. `start_at` counts for the first one
  /// that joins. Empty: this reader sees all steps.
  std::string group = {};
  /// Number of further steps that are fetched as soon as they exist, while this rank computes: of each, the
  /// data on other nodes that the rank read of the previous step. Kept in memory of the node, within the
  /// window of the runtime. 0, and in a group: data is fetched when it is read.
  std::uint32_t ahead = 1;
  /// File whose steps are read, on any number of ranks; a StepWriter has written it or is writing it. The
  /// name of the stream is then ignored. Several readers may read one file, independently: `group` cannot be
  /// given. Nothing is fetched ahead. Empty: read the stream of a writer of this runtime.
  std::string file = {};
  /// For a file only: number of the first step to read. Requires `start_at` `oldest`.
  std::uint64_t first_step = 0;
  /// For a file only: read each `every`-th step, counted from the one with which the reader begins. Steps
  /// between are not opened. At least 1.
  std::uint64_t every = 1;
};

/// The part of a global array that a block is: `{.shape = {nz, ny, nx}, .start = {z0, 0, 0}, .count = {4, ny,
/// nx}}`, slowest dimension first.
struct GlobalBlock {
  /// Extents of the global array. Rank 0: the block is a local array, which is not part of a larger one.
  Extents shape = {};
  Coordinates start = {};  ///< position of the block in the global array
  Extents count = {};      ///< extents of the block
};

}  // namespace locum
