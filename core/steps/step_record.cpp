#include "core/steps/step_record.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/object/object.hpp"

namespace locum::detail {

std::uint64_t StepRecord::bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const BlockRecord& block : blocks) {
    sum += block.size_bytes;
  }
  return sum;
}

bool StepRecord::is_valid() const noexcept {
  return std::ranges::all_of(variables,
                             [](const auto& variable) { return variable.shape.size() <= max_rank; }) &&
         std::ranges::all_of(blocks,
                             [this](const BlockRecord& block) {
                               if (block.rank > max_rank || block.variable >= variables.size()) {
                                 return false;
                               }
                               const auto& shape = variables[block.variable].shape;
                               return shape.empty() || shape.size() == block.rank;
                             }) &&
         std::ranges::all_of(enclosed,
                             [this](const EnclosedRecord& one) {
                               return one.block < blocks.size() && one.rank <= max_rank &&
                                      one.at <= enclosed_bytes.size() &&
                                      blocks[one.block].size_bytes <= enclosed_bytes.size() - one.at &&
                                      one.layout <= static_cast<std::uint32_t>(Layout::encoded) &&
                                      one.element_bytes != 0;
                             }) &&
         std::ranges::adjacent_find(enclosed, std::ranges::greater_equal{}, &EnclosedRecord::block) ==
             enclosed.end();
}

const EnclosedRecord* find_enclosed(const StepRecord& step, const BlockRecord& block) noexcept {
  const auto place = static_cast<std::uint32_t>(&block - step.blocks.data());
  const auto found = std::ranges::lower_bound(step.enclosed, place, {}, &EnclosedRecord::block);
  return found != step.enclosed.end() && found->block == place ? &*found : nullptr;
}

// Writers that disagree on the type or the shape of a variable make several of one name, which a reader of it
// is told.
StepRecord merged(const std::vector<StepRecord>& parts) {
  std::map<std::tuple<std::string, std::string, std::vector<std::uint64_t>>, std::uint32_t> places;
  for (const StepRecord& part : parts) {
    for (const VariableRecord& variable : part.variables) {
      places.emplace(std::tuple(variable.name, variable.type, variable.shape), 0);
    }
  }
  StepRecord step;
  for (auto& [variable, place] : places) {
    place = static_cast<std::uint32_t>(step.variables.size());
    const auto& [name, type, shape] = variable;
    step.variables.push_back({name, type, shape});
  }
  for (const StepRecord& part : parts) {
    std::vector<std::uint32_t> place_of;
    place_of.reserve(part.variables.size());
    for (const VariableRecord& variable : part.variables) {
      place_of.push_back(places.at({variable.name, variable.type, variable.shape}));
    }
    for (BlockRecord block : part.blocks) {
      block.variable = place_of.at(block.variable);
      step.blocks.push_back(block);
    }
  }
  std::ranges::sort(step.blocks, {}, [](const BlockRecord& block) {
    return std::tuple(block.variable, block.start[0], block.writer);
  });
  return step;
}

}  // namespace locum::detail
