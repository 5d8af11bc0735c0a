#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <variant>

namespace gray_scott {

/// How a block gets into the store.
enum class Publish {
  create,  ///< the solver writes into memory of the store
  put,     ///< the store copies the field, without its ghost cells
  both,    ///< the one for even frames, the other for odd ones
};
const char* name_of(Publish publish);
/// Whether a frame goes by create or by put.
Publish how_to_publish(Publish wanted, std::size_t frame);

/// What the command line asks for.
struct DemoOptions {
  int simulation_ranks = 0;  ///< 0 only while the command line is read
  int analysis_ranks = 0;
  std::size_t grid = 96;  ///< cells a side
  std::uint64_t steps = 2000;
  std::uint64_t every = 80;  ///< steps from frame to frame
  Publish publish = Publish::both;
  /// Whether the fields of a frame are fetched from other nodes while the frame before is analysed, instead
  /// of when they are read.
  bool overlap = true;
  std::filesystem::path output = "out/gray_scott";
  std::uint64_t checkpoint_every = 0;  ///< steps from checkpoint to checkpoint; 0: none is written
  bool restart = false;                ///< whether the run goes on from the latest checkpoint
  std::size_t first_frame = 0;         ///< of this run, once it is known where it goes on

  std::size_t frames() const { return static_cast<std::size_t>(steps / every); }
  /// Those that this run makes.
  std::size_t own_frames() const { return frames() - first_frame; }
  /// Whether the simulation is written to checkpoints, or read from them.
  bool saves() const { return checkpoint_every > 0 || restart; }
  /// The folder with the checkpoints.
  std::filesystem::path checkpoints() const { return output / "checkpoints"; }
  /// How many streams the frames go into: one for each rank that analyses, but none for a rank that gets no
  /// frame. The n-th frame of the run goes into stream n modulo their number.
  std::size_t streams() const { return std::min(static_cast<std::size_t>(analysis_ranks), own_frames()); }
};

/// What the command line asks for instead of a run.
struct HelpWanted {};
struct UsageError {
  std::string message;
};

/// Reads the arguments behind the program's name. Ranks that are not given are shared out: a quarter of
/// `ranks` analyses, at least one, the others simulate. Says the same on every rank, since all have the same
/// arguments.
std::variant<DemoOptions, HelpWanted, UsageError> parse_options(std::span<char* const> arguments, int ranks);

std::string usage();

}  // namespace gray_scott
