#pragma once

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

/// When the fields of a frame begin to move to the rank that analyses them.
enum class Fetch {
  ahead,      ///< as soon as their handles are there, while the frame before is analysed
  when_used,  ///< when they are read, one after the other
  both,       ///< a rank's first frame ahead, its second one when used, and so on in turns
};
const char* name_of(Fetch fetch);
/// Whether the n-th frame that a rank analyses is fetched ahead.
bool fetches_ahead(Fetch wanted, std::size_t nth);

/// What the command line asks for.
struct DemoOptions {
  int simulation_ranks = 0;  ///< 0 only while the command line is read
  int analysis_ranks = 0;
  std::size_t grid = 96;  ///< cells a side
  std::uint64_t steps = 2000;
  std::uint64_t every = 80;  ///< steps from frame to frame
  Publish publish = Publish::both;
  Fetch fetch = Fetch::both;
  std::filesystem::path output = "out/gray_scott";

  std::size_t frames() const { return static_cast<std::size_t>(steps / every); }
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
