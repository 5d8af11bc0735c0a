#include "jobs/gray_scott/saved_states.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "jobs/gray_scott/node_memory.hpp"

namespace gray_scott {
namespace {

constexpr std::uint32_t states_kept = 2;

std::string text_of(std::uint64_t step) {
  char text[32];
  std::snprintf(text, sizeof text, "%08llu", static_cast<unsigned long long>(step));
  return text;
}

const char* name_of(Species species) {
  return species == Species::u ? "U" : "V";
}

// A block's name says where it begins: "00000080/U/0/0/12".
Extents origin_in(std::string_view name) {
  Extents origin{};
  for (auto axis = origin.rbegin(); axis != origin.rend(); ++axis) {
    const std::size_t slash = name.rfind('/');
    const std::string_view number = name.substr(slash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), *axis);
    if (slash == std::string_view::npos || error != std::errc{} || end != number.data() + number.size()) {
      throw std::runtime_error("the checkpoint has a block with the name '" + std::string(name) +
                               "': it is not one of this program");
    }
    name = name.substr(0, slash);
  }
  return origin;
}

/// The cells that both have, in the global grid; without any if they do not meet.
Block common(const Block& a, const Block& b) {
  Block both;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::size_t begin = std::max(a.origin[axis], b.origin[axis]);
    const std::size_t end = std::min(a.origin[axis] + a.extents[axis], b.origin[axis] + b.extents[axis]);
    both.origin[axis] = begin;
    both.extents[axis] = end > begin ? end - begin : 0;
  }
  return both;
}

std::uint64_t mixed(std::uint64_t word) {
  word ^= word >> 33U;
  word *= 0xff51afd7ed558ccdULL;
  word ^= word >> 33U;
  word *= 0xc4ceb9fe1a85ec53ULL;
  return word ^ word >> 33U;
}

}  // namespace

SavedStates::SavedStates(MPI_Comm ranks, const DemoOptions& options)
    : ranks_(ranks),
      pattern_((options.checkpoints() / "state*.h5").string()),
      grid_(options.grid),
      runtime_(ranks, {.memory_bytes = states_memory_bytes(options), .name = "states"}) {}

std::string SavedStates::prefix_of(std::uint64_t step) const {
  return text_of(step) + '/';
}

std::uint64_t SavedStates::find() {
  const locum::CheckpointReport found = runtime_.restore_latest("states", pattern_).value();
  found_step_ = found.number;
  const std::size_t grid = *store_.get<std::uint64_t>(prefix_of(found_step_) + "grid").value();
  if (grid != grid_) {
    throw std::runtime_error("the checkpoint '" + found.path + "' is of a grid of " + std::to_string(grid) +
                             " cells a side: restart with --grid " + std::to_string(grid));
  }
  return found_step_;
}

void SavedStates::load(Solver& solver) const {
  load(solver, Species::u);
  load(solver, Species::v);
  solver.resume(found_step_);
}

// Of each block the part that is in this rank's.
void SavedStates::load(Solver& solver, Species species) const {
  const Block& own = solver.block();
  const auto [planes, rows, columns] = solver.ghosted_extents();
  const auto field = solver.field(species);
  std::size_t cells = 0;
  for (const std::string& name : store_.keys(prefix_of(found_step_) + name_of(species) + '/').value()) {
    const auto info = store_.info(name).value();
    const auto extents = info.extents.span();
    if (extents.size() != 3) {
      throw std::runtime_error("the block '" + name + "' of the checkpoint has not three dimensions");
    }
    const Block block{origin_in(name), {extents[0], extents[1], extents[2]}};
    const Block both = common(block, own);
    if (both.cells() == 0) {
      continue;
    }
    const auto& [z, y, x] = both.origin;
    const auto part =
        store_
            .get<double[]>(name,
                           {.slab = {.start = {z - block.origin[0], y - block.origin[1], x - block.origin[2]},
                                     .count = {both.extents[0], both.extents[1], both.extents[2]}}})
            .value();
    const double* next = part.data();
    for (std::size_t k = 0; k < both.extents[0]; ++k) {
      for (std::size_t j = 0; j < both.extents[1]; ++j, next += both.extents[2]) {
        const std::size_t row = (z + k - own.origin[0] + 1) * rows + (y + j - own.origin[1] + 1);
        std::copy_n(next, both.extents[2], &field[row * columns + (x - own.origin[2] + 1)]);
      }
    }
    cells += both.cells();
  }
  if (cells != own.cells()) {
    throw std::runtime_error("the checkpoint has not all cells of the grid");
  }
}

void SavedStates::forget() {
  MPI_Barrier(ranks_);  // each has read its part
  if (runtime_.rank() == 0) {
    (void)store_.evict_batch(store_.keys(prefix_of(found_step_)).value());
  }
}

// The checkpoint has pinned the blocks: they are evicted as soon as it has begun.
void SavedStates::save(const Solver& solver) {
  finish();
  const std::string prefix = prefix_of(solver.steps_done());
  const auto& [origin, extents] = solver.block();
  std::vector<std::string> names;
  for (const Species species : {Species::u, Species::v}) {
    names.push_back(prefix + name_of(species) + '/' + std::to_string(origin[0]) + '/' +
                    std::to_string(origin[1]) + '/' + std::to_string(origin[2]));
    auto writer = store_.create<double>(names.back(), {extents[0], extents[1], extents[2]}).value();
    solver.write_interior(species, writer);
    (void)writer.seal().value();
  }
  if (runtime_.rank() == 0) {
    names.push_back(prefix + "grid");
    (void)store_.put(names.back(), std::uint64_t{grid_}).value();
  }
  std::string path = pattern_;
  path.replace(path.rfind('*'), 1, text_of(solver.steps_done()));
  under_way_ = runtime_.checkpoint_async("states", path, {.prefix = prefix, .keep = states_kept});
  for (const std::string& name : names) {
    (void)store_.evict(name).value();
  }
}

void SavedStates::finish() {
  if (under_way_) {
    (void)under_way_->get(runtime_.options().collective_timeout).value();
    under_way_.reset();
  }
}

std::uint64_t fingerprint(const Solver& solver, std::size_t grid, MPI_Comm ranks) {
  const auto& [origin, extents] = solver.block();
  std::vector<double> interior(solver.block().cells());
  std::uint64_t own = 0;
  for (const Species species : {Species::u, Species::v}) {
    solver.write_interior(species, interior);
    std::size_t cell = 0;
    for (std::size_t z = origin[0]; z < origin[0] + extents[0]; ++z) {
      for (std::size_t y = origin[1]; y < origin[1] + extents[1]; ++y) {
        for (std::size_t x = origin[2]; x < origin[2] + extents[2]; ++x) {
          const std::uint64_t place = ((z * grid + y) * grid + x) * 2 + (species == Species::u ? 0 : 1);
          own += mixed(std::bit_cast<std::uint64_t>(interior[cell++]) ^ mixed(place + 1));
        }
      }
    }
  }
  std::uint64_t all = 0;
  MPI_Allreduce(&own, &all, 1, MPI_UINT64_T, MPI_SUM, ranks);
  return all;
}

}  // namespace gray_scott
