#include "core/steps/step_search.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace locum::detail {

namespace {

Error no_such_variable() {
  return Error(Errc::not_found, "this step has no variable of that name; variables() says which it has");
}

/// The places of the variables of that name: several if the writers disagree.
std::pair<std::uint32_t, std::uint32_t> variables_of(const StepRecord& step, std::string_view name) {
  const auto found = std::ranges::equal_range(step.variables, name, {},
                                              [](const auto& one) -> std::string_view { return one.name; });
  return {static_cast<std::uint32_t>(found.begin() - step.variables.begin()),
          static_cast<std::uint32_t>(found.end() - step.variables.begin())};
}

}  // namespace

Extents shape_of(const VariableRecord& variable) noexcept {
  Extents shape;
  shape.rank = static_cast<std::uint8_t>(variable.shape.size());
  std::ranges::copy(variable.shape, shape.values.begin());
  return shape;
}

Result<std::uint32_t> find_global_array(const StepRecord& step, std::string_view name) {
  const auto [first, last] = variables_of(step, name);
  if (first == last) {
    return no_such_variable();
  }
  if (last - first > 1) {
    return Error(Errc::invalid_argument,
                 "the writers gave several shapes or types to this variable; let all give the same");
  }
  if (step.variables[first].shape.empty()) {
    return Error(Errc::invalid_argument,
                 "this variable is no global array: its writers gave no shape; read it by get() or joined()");
  }
  return first;
}

Result<ArrayBox> find_box(const StepRecord& step, std::string_view name, const Hyperslab& box) {
  const auto variable = find_global_array(step, name);
  if (!variable) {
    return variable.error();
  }
  const VariableRecord& array = step.variables[*variable];
  const auto blocks = std::ranges::equal_range(step.blocks, *variable, {}, &BlockRecord::variable);
  auto pieces = pieces_of(box, array.shape, blocks);
  if (!pieces) {
    return pieces.error();
  }
  return ArrayBox{std::move(*pieces), box.is_given() ? box.count : shape_of(array)};
}

Result<std::vector<const BlockRecord*>> find_blocks(const StepRecord& step, std::string_view name) {
  const auto [first, last] = variables_of(step, name);
  if (first == last) {
    return no_such_variable();
  }
  const auto begin = std::ranges::lower_bound(step.blocks, first, {}, &BlockRecord::variable);
  const auto end = std::ranges::lower_bound(step.blocks, last, {}, &BlockRecord::variable);
  std::vector<const BlockRecord*> blocks;
  for (auto block = begin; block != end; ++block) {
    blocks.push_back(&*block);
  }
  std::ranges::stable_sort(blocks, {}, &BlockRecord::writer);
  return blocks;
}

Result<const BlockRecord*> find_block(const StepRecord& step, std::string_view name, int writer) {
  auto blocks = find_blocks(step, name);
  if (!blocks) {
    return blocks.error();
  }
  if (writer >= 0) {
    std::erase_if(*blocks,
                  [&](const auto* block) { return block->writer != static_cast<std::uint32_t>(writer); });
    if (blocks->empty()) {
      return Error(Errc::not_found,
                   "rank " + std::to_string(writer) + " of the writer wrote no variable of that name");
    }
  }
  if (blocks->size() > 1) {
    return Error(Errc::invalid_argument,
                 std::to_string(blocks->size()) +
                     " blocks have that name; say whose by {.writer = …}, or read all by read() or joined()");
  }
  return blocks->front();
}

}  // namespace locum::detail
