#pragma once

#include <cstdint>
#include <string>

#include <locum/deadline.hpp>
#include <locum/extents.hpp>
#include <locum/hyperslab.hpp>
#include <locum/when_full.hpp>

/// \file
/// Options of streams of steps: see StepWriter and StepReader.
namespace locum {

/// Options of a StepWriter; the same on all its ranks.
struct StepWriterOptions {
  /// Most steps that exist at a time: ended and not yet released by all readers, and with WhenFull::wait and
  /// WhenFull::fail also the one that is being written. More than 0.
  std::uint32_t queue_steps = 4;
  /// Most bytes of these steps, of all ranks together: a further step begins only if one as large as the last
  /// one fits, or if there is none. 0: no limit but the memory of the nodes.
  std::uint64_t queue_bytes = 0;
  /// With `wait` and `fail` nothing is lost: steps are kept from the first one on, also before a reader has
  /// joined; when all that had joined have left, the oldest ones are dropped. A stream that is written to a
  /// `file` drops the oldest ones from memory while nobody reads them there.
  WhenFull when_full = WhenFull::wait;
  /// The first begin() waits until that many readers have joined; the ranks of one StepReader are one reader.
  /// 0: it does not wait.
  std::uint32_t rendezvous_readers = 0;
  /// Also write each step to this HDF5 file, from which a StepReader with the same option reads them later,
  /// in this job or another one (docs/guide/hdf5.md). All ranks must see the same files there. end() then
  /// waits until the rank's part is on the disk, and readers see the step when all parts are. Empty: to no
  /// file.
  std::string file = {};
};

/// With which step a reader begins that joins a stream; or the file of one, which has all steps of it.
enum class StartAt : std::uint8_t {
  oldest,  ///< the oldest step that still exists
  newest,  ///< the newest one
  next,    ///< the first one that ends after the reader has joined
};

/// Options of a StepReader; the same on all its ranks.
struct StepReaderOptions {
  StartAt start_at = StartAt::oldest;
  /// Readers that give the same name share the steps: each step is read by one of them, whichever asks for it
  /// first; if that one dies before it has released the step, by another. So the end of the stream is told to
  /// a member that holds no step when the others have released theirs. `start_at` counts for the first one
  /// that joins. Empty: this reader sees all steps.
  std::string group = {};
  /// So many further steps are fetched ahead as soon as they exist: of each, what this rank has read of the
  /// step before, from other nodes, while it computes. In memory of the node, within the window of the
  /// runtime. 0: nothing is fetched until it is read; as in a group.
  std::uint32_t ahead = 1;
  /// Read the steps of this file, which a StepWriter has written or is writing, on any number of ranks. The
  /// name of the stream is then of no importance. Several readers may read one file, each on its own: `group`
  /// cannot be given. Nothing is fetched ahead. Empty: read what a writer of this runtime writes.
  std::string file = {};
  /// Only of a file: begin with the step of this number. Not with another `start_at` than `oldest`.
  std::uint64_t first_step = 0;
  /// Only of a file: read each `every`-th step, counted from the one with which the reader begins. Those
  /// between are not opened. At least 1.
  std::uint64_t every = 1;
};

/// Which part of a global array a block is: `{.shape = {nz, ny, nx}, .start = {z0, 0, 0}, .count = {4, ny,
/// nx}}`, slowest dimension first.
struct GlobalBlock {
  /// Extents of the global array. Of rank 0: a local array, which is not part of a larger one.
  Extents shape = {};
  Coordinates start = {};  ///< of the block in the global array
  Extents count = {};      ///< extents of the block
};

}  // namespace locum
