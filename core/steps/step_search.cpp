#include "core/steps/step_search.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/value/extents_text.hpp"

namespace locum::detail {

namespace {

Error no_such_variable(const StepRecord& step) {
  constexpr std::size_t most = 8;
  std::string names;
  for (std::size_t at = 0; at < step.variables.size() && at < most; ++at) {
    // One name has several records where its writers disagree.
    if (at == 0 || step.variables[at].name != step.variables[at - 1].name) {
      names += (names.empty() ? "" : ", ") + step.variables[at].name.substr(0, 64);
    }
  }
  names += step.variables.size() > most ? " and others" : "";
  return Error(Errc::not_found, "this step has no variable of that name; it has " +
                                    (names.empty() ? std::string("none") : names));
}

/// The places of the variables of that name: several if the writers disagree.
std::pair<std::uint32_t, std::uint32_t> variables_of(const StepRecord& step, std::string_view name) {
  const auto found = std::ranges::equal_range(step.variables, name, {},
                                              [](const auto& one) -> std::string_view { return one.name; });
  return {static_cast<std::uint32_t>(found.begin() - step.variables.begin()),
          static_cast<std::uint32_t>(found.end() - step.variables.begin())};
}

/// A writer, by its index, that gave the variable this type and shape.
std::string writer_of(const StepRecord& step, std::uint32_t variable) {
  const auto block = std::ranges::find(step.blocks, variable, &BlockRecord::variable);
  return block == step.blocks.end() ? "a writer" : "writer " + std::to_string(block->writer);
}

/// The place of the variable of that name.
Result<std::uint32_t> find_variable(const StepRecord& step, std::string_view name) {
  const auto [first, last] = variables_of(step, name);
  if (first == last) {
    return no_such_variable(step);
  }
  const auto agreed = check_agreement(step, first, last);
  return agreed ? Result<std::uint32_t>(first) : Result<std::uint32_t>(agreed.error());
}

Result<void> check_type(const VariableRecord& variable, std::string_view type) {
  if (type.empty() || variable.type == type) {
    return {};
  }
  return Error(Errc::type_mismatch, "asked for " + std::string(type) + ", the writer gave this variable as " +
                                        variable.type + "; read it as that type");
}

}  // namespace

Extents shape_of(const VariableRecord& variable) noexcept {
  Extents shape;
  shape.rank = static_cast<std::uint8_t>(variable.shape.size());
  std::ranges::copy(variable.shape, shape.values.begin());
  return shape;
}

Error disagreement(const VariableRecord& one, std::string_view who, const VariableRecord& other,
                   std::string_view who_else) {
  const bool by_type = one.type != other.type;
  return Error(by_type ? Errc::type_mismatch : Errc::invalid_argument,
               "a variable of a step has one " + std::string(by_type ? "type" : "shape") + ": " +
                   std::string(who) + " gave it " + (by_type ? one.type : extents_text(one.shape)) + ", " +
                   std::string(who_else) + " " + (by_type ? other.type : extents_text(other.shape)) +
                   "; let all blocks of it have the same, or give some of them another name");
}

Result<void> check_agreement(const StepRecord& step, std::uint32_t first, std::uint32_t last) {
  if (last - first <= 1) {
    return {};
  }
  std::uint32_t other = first + 1;
  for (std::uint32_t at = other; at < last; ++at) {
    if (step.variables[at].type != step.variables[first].type) {
      other = at;
      break;
    }
  }
  return disagreement(step.variables[first], writer_of(step, first), step.variables[other],
                      writer_of(step, other));
}

Result<std::uint32_t> find_global_array(const StepRecord& step, std::string_view name,
                                        std::string_view type) {
  auto found = find_variable(step, name);
  if (!found) {
    return found;
  }
  if (step.variables[*found].shape.empty()) {
    return Error(
        Errc::invalid_argument,
        "this variable is no global array: its writers gave no shape; get its blocks, or all of them joined");
  }
  const auto right = check_type(step.variables[*found], type);
  return right ? std::move(found) : Result<std::uint32_t>(right.error());
}

Result<ArrayBox> find_box(const StepRecord& step, std::string_view name, std::string_view type,
                          const Hyperslab& box) {
  const auto variable = find_global_array(step, name, type);
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

Result<std::vector<const BlockRecord*>> blocks_named(const StepRecord& step, std::string_view name) {
  const auto [first, last] = variables_of(step, name);
  if (first == last) {
    return no_such_variable(step);
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

Result<std::vector<const BlockRecord*>> find_blocks(const StepRecord& step, std::string_view name,
                                                    std::string_view type) {
  const auto found = find_variable(step, name);
  const auto right = found ? check_type(step.variables[*found], type) : Result<void>(found.error());
  return right ? blocks_named(step, name) : Result<std::vector<const BlockRecord*>>(right.error());
}

Result<const BlockRecord*> find_block(const StepRecord& step, std::string_view name, std::string_view type,
                                      int writer) {
  auto blocks = find_blocks(step, name, type);
  if (!blocks) {
    return blocks.error();
  }
  if (writer >= 0) {
    std::erase_if(*blocks,
                  [&](const auto* block) { return block->writer != static_cast<std::uint32_t>(writer); });
    if (blocks->empty()) {
      return Error(Errc::not_found,
                   "writer " + std::to_string(writer) +
                       " wrote no variable of that name in this step; read it of another writer");
    }
  }
  if (blocks->size() > 1 && writer >= 0) {
    return Error(Errc::invalid_argument, "writer " + std::to_string(writer) + " wrote " +
                                             std::to_string(blocks->size()) +
                                             " arrays of that name; read all of them");
  }
  if (blocks->size() > 1) {
    return Error(Errc::invalid_argument, std::to_string(blocks->size()) +
                                             " blocks have that name; name the rank that wrote the one (the "
                                             "option writer), or read all of them");
  }
  return blocks->front();
}

}  // namespace locum::detail
