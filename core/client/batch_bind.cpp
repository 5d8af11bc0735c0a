#include "core/client/batch_bind.hpp"

#include <algorithm>
#include <utility>

#include "core/base/unless_out_of_memory.hpp"
#include "core/node/reclaim.hpp"

namespace locum {

BatchBind::BatchBind(RemoteWriter& writer, std::vector<Key> keys, Moment until)
    : BatchUpdate(writer.client(), until), writer_(writer), keys_(std::move(keys)) {}

Task<Result<BatchBind::Bound>> BatchBind::bind(std::shared_ptr<RemoteWriter> writer, std::vector<Key> keys,
                                               Deadline::Clock::time_point until) {
  BatchBind batch(*writer, std::move(keys), until);
  const bool planned = unless_out_of_memory([&] { batch.plan(); });
  if (planned) {
    (void)co_await batch.make();
  }
  batch.end();
  co_return planned ? Result<Bound>(std::move(batch.bound_)) : no_memory_left();
}

void BatchBind::plan() {
  bound_.assign(keys_.size(), no_memory_left());
  objects_.resize(keys_.size());
  const NodeMemory& memory = writer_.memory();
  const Nodes& nodes = client().nodes();
  for (std::uint32_t at = 0; at < keys_.size(); ++at) {
    const auto pin = memory.table->pin(keys_[at]);
    if (!pin) {
      bound_[at] = pin.error();
      continue;
    }
    objects_[at] = memory.keep<PendingBind>(*pin);
    const int home = nodes.home(pin->record->store, pin->record->name_hash);
    if (nodes.is_lost(home)) {
      (void)memory.table->tombstone(keys_[at]);  // it was sent nowhere
    }
    const std::size_t bulk =
        has_value(*pin) ? memory.block(*pin).size() : std::size_t{pin->record->name_bytes};
    add_to_chunk(home, Kind::bind_batch, at, sizeof(std::uint32_t) + sizeof(BindWords) + bulk);
  }
}

void BatchBind::pack(std::uint32_t change, Sending& sending) {
  const NodeMemory& memory = writer_.memory();
  const Pin& pin = objects_[change]->pin();
  const bool with_value = has_value(pin);
  const BindWords asked{.object = wire_of(pin, 0),
                        .value = with_value ? BindWords::sent : BindWords::none,
                        .lifetime_ms = lifetime_left_ms(memory.block(pin).data(), *pin.record)};
  append_request({words(asked), with_value ? memory.block(pin) : bytes_of_text(memory.name(pin))},
                 sending.bytes);
  sending.kept.push_back(objects_[change]);
  memory.table->set_generation(pin.key, generation_asked_for);
}

// A reply that this rank had no memory to receive leaves the outcome open, too; a home without memory to bind
// the name says so in its reply.
bool BatchBind::settle(int node, std::uint32_t change, const Result<std::uint64_t>& said, Word word,
                       Turn turn) noexcept {
  auto& object = objects_[change];
  NodeTable& table = *writer_.memory().table;
  if (said && *said == bind_later && turn == Turn::any) {
    return true;
  }
  if (said && *said != bind_later) {
    table.set_generation(keys_[change], *said);
    bound_[change] = Sealed{keys_[change], *said};
  } else {
    bound_[change] = said ? binding::found_no_room(node) : said.error();
    const bool open = !said && ((word == Word::of_batch && said.error().code() == Errc::out_of_memory) ||
                                binding::says_nothing(client().nodes(), node, said.error()));
    if (open) {
      object->settle_later(writer_.bind_recovery());
    } else {
      (void)table.tombstone(keys_[change]);
    }
  }
  object.reset();
  return false;
}

Task<std::monostate> BatchBind::make_alone(std::uint32_t /*change*/) {
  co_return std::monostate();
}

// Evicts objects whose bind was never requested.
void BatchBind::end() noexcept {
  const NodeMemory& memory = writer_.memory();
  for (std::size_t at = 0; at < keys_.size(); ++at) {
    if (objects_.empty() || objects_[at] != nullptr) {
      (void)memory.table->tombstone(keys_[at]);
    }
  }
  objects_.clear();
  (void)reclaim(*memory.table, *memory.arena, Effort::amortised);
}

}  // namespace locum
