#include "core/steps/step_draft.hpp"

#include <algorithm>

#include "core/detail/session_state.hpp"
#include "core/steps/step_search.hpp"
#include "core/value/extents_text.hpp"

namespace locum::detail {

namespace {

/// The record of a block that lies within its shape.
Result<BlockRecord> record_of(const GlobalBlock& block) {
  BlockRecord record;
  if (block.count.size() > max_rank || block.shape.size() > max_rank) {
    return Error(Errc::invalid_argument, "an array has at most " + std::to_string(max_rank) + " dimensions");
  }
  record.rank = static_cast<std::uint32_t>(block.count.size());
  std::ranges::copy(block.count.span(), record.count.begin());
  if (block.shape.size() == 0 && block.start.size() == 0) {
    return record;
  }
  if (block.shape.size() != block.count.size() || block.start.size() != block.count.size()) {
    return Error(Errc::invalid_argument,
                 "this block has " + std::to_string(block.count.size()) + " dimensions, its start " +
                     std::to_string(block.start.size()) + " and the shape of its array " +
                     std::to_string(block.shape.size()) + "; give one number for each dimension");
  }
  for (std::size_t at = 0; at < block.count.size(); ++at) {
    record.start[at] = block.start[at];
    if (block.start[at] > block.shape[at] || block.count[at] > block.shape[at] - block.start[at]) {
      return Error(Errc::invalid_argument,
                   "this block, " + box_text(Hyperslab{.start = block.start, .count = block.count}) +
                       ", is not within its array, whose shape is " + extents_text(block.shape) +
                       "; give the start and the shape of the whole array");
    }
  }
  return record;
}

VariableRecord variable_of(std::string_view name, std::string_view type, const Extents& shape) {
  return {std::string(name), std::string(type), {shape.span().begin(), shape.span().end()}};
}

Error written_before(const std::string& element) {
  return Error(Errc::key_exists, "this rank has written " + element +
                                     " in this step before; let each element be in one block, and give each "
                                     "value a name of its own");
}

}  // namespace

StepDraft::StepDraft(std::shared_ptr<StepOutput> output)
    : output_(std::move(output)), calls_(output_->stream().store()) {}

template <class Attempt>
auto StepDraft::with_memory(Deadline deadline, Attempt attempt) const
    -> decltype(attempt(RoomPolicy(), deadline)) {
  auto made = attempt(RoomPolicy(), deadline);
  if (made || made.error().code() != Errc::out_of_memory) {
    return made;
  }
  const Deadline until = output_->stream().patience(deadline);
  while (const auto slice = output_->await_memory(output_->stream().moment(until))) {
    auto again = attempt(WhenFull::wait, *slice);
    if (again || again.error().code() != Errc::timeout) {
      return again;
    }
  }
  return output_->without_memory(made.error());
}

Result<std::span<std::byte>> StepDraft::create(std::string_view name, const ArrayType& type,
                                               const GlobalBlock& block, Deadline deadline) {
  auto record = place(name, type.name, block);
  auto draft = record ? with_memory(deadline,
                                    [&](RoomPolicy policy, Deadline until) {
                                      return calls_.create(type, block.count, policy, until);
                                    })
                      : Result<OwnedDraft>(record.error());
  if (!draft) {
    return fail(name, draft.error());
  }
  const std::span<std::byte> bytes = draft->bytes();
  record->size_bytes = bytes.size();
  created_.emplace_back(part_.blocks.size(), std::move(*draft));
  add(name, type.name, block.shape, *record);
  return bytes;
}

Result<void> StepDraft::put(std::string_view name, std::string_view type, const void* value,
                            const WritingSteps& steps, const GlobalBlock& block, Deadline deadline) {
  auto record = place(name, type, block);
  const auto stored =
      record ? with_memory(deadline, [&](RoomPolicy policy,
                                         Deadline until) { return calls_.put(value, steps, policy, until); })
             : Result<ObjectCalls::Stored>(record.error());
  if (!stored) {
    return fail(name, stored.error());
  }
  record->key = stored->key;
  record->size_bytes = stored->size_bytes;
  add(name, type, block.shape, *record);
  return {};
}

// The object is sealed here, which no other rank knows yet: end() tells its key, or remove() evicts it.
Result<ObjectView> StepDraft::keep(const std::byte* first, Deadline deadline) {
  const auto kept =
      std::ranges::find_if(created_, [&](const auto& one) { return one.second.bytes().data() == first; });
  if (kept == created_.end()) {
    return Error(Errc::invalid_argument,
                 "no array of this step begins there, or it was kept before; give the data of one that the "
                 "step has created");
  }
  SessionState& session = calls_.session();
  if (session.closed()) {  // sealing would free the memory
    return session.closed_error();
  }
  BlockRecord& block = part_.blocks[kept->first];
  const auto key = seal_writer(kept->second, {}, deadline);
  created_.erase(kept);
  if (!key) {
    return fail(part_.variables[block.variable].name, key.error());
  }
  block.key = *key;
  auto view = calls_.get(*key, Selection(), deadline);
  if (view && view->bytes().data() != first) {
    return Error(Errc::out_of_memory,
                 "a block of this step has left memory before it could be kept there; give the runtime more "
                 "memory_bytes");
  }
  return view;
}

Error StepDraft::fail(std::string_view name, const Error& error) {
  return failed_.emplace_back(name, output_->about(name, error)).second;
}

Result<BlockRecord> StepDraft::place(std::string_view name, std::string_view type,
                                     const GlobalBlock& block) const {
  if (name.empty()) {
    return Error(Errc::invalid_argument, "a variable of a step needs a name");
  }
  auto record = record_of(block);
  const auto known = std::ranges::find(part_.variables, variable_of(name, type, block.shape));
  if (!record || known == part_.variables.end()) {
    return record;
  }
  if (block.shape.size() == 0) {
    return block.count.size() == 0 ? written_before("this value") : record;
  }
  const auto common =
      boxes_[static_cast<std::size_t>(known - part_.variables.begin())].common_element(*record);
  if (!common) {
    return record;
  }
  return written_before("the element " + indices_text(common->span()) + " of this variable");
}

// What was written twice stays an error of the step: no later block takes the place of the one that is
// missing.
void StepDraft::add(std::string_view name, std::string_view type, const Extents& shape, BlockRecord record) {
  std::erase_if(failed_, [name](const auto& one) {
    return one.first == name && one.second.code() != Errc::key_exists;
  });
  const VariableRecord variable = variable_of(name, type, shape);
  const auto known = std::ranges::find(part_.variables, variable);
  record.variable = static_cast<std::uint32_t>(known - part_.variables.begin());
  if (known == part_.variables.end()) {
    const auto other = std::ranges::find(part_.variables, variable.name, &VariableRecord::name);
    if (other != part_.variables.end()) {
      (void)fail(name, disagreement(*other, "this rank", variable, "then"));
    }
    part_.variables.push_back(variable);
    boxes_.emplace_back();
  }
  if (shape.size() > 0) {
    boxes_[record.variable].add(record);
  }
  record.writer = static_cast<std::uint32_t>(output_->side().index);
  record.node = output_->stream().session().options().node;
  part_.blocks.push_back(record);
}

void StepDraft::remove() noexcept {
  for (const BlockRecord& block : part_.blocks) {
    if (block.key.valid()) {
      calls_.evict(block.key);
    }
  }
  part_ = {};
  boxes_.clear();
  created_.clear();
}

Result<void> StepDraft::seal(Deadline deadline) {
  for (auto& [at, draft] : created_) {
    const auto key = seal_writer(draft, {}, deadline);
    if (!key) {
      return fail(part_.variables[part_.blocks[at].variable].name, key.error());
    }
    part_.blocks[at].key = *key;
  }
  return {};
}

Result<void> StepDraft::end(Deadline deadline) {
  const Deadline until = output_->stream().moment(deadline);
  if (failed_.empty()) {
    (void)seal(until);
  }
  Result<void> ended = failed_.empty() ? output_->end(part_, until) : Result<void>(failed_.front().second);
  if (!failed_.empty()) {
    output_->discard();
    remove();
  }
  if (!ended) {
    output_->refuse(ended.error());
  }
  return ended;
}

}  // namespace locum::detail
