#include "core/server/batch_service.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/rpc/call_error.hpp"
#include "core/rpc/update_batch_wire.hpp"

namespace locum {

namespace {

bool is_right(const BatchWords& asked) {
  return asked.count > 0 && asked.count <= most_in_a_batch;
}

constexpr std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + batch_alignment - 1) / batch_alignment * batch_alignment;
}

}  // namespace

/// A reply under construction: rows, and behind them the bytes for which there is room.
class BatchService::Packing {
 public:
  Packing(const BatchWords& asked, std::shared_ptr<ReceivedBlock> memory, std::uint64_t inline_bytes)
      : memory_(std::move(memory)),
        facts_(asked.facts != 0),
        inline_bytes_(inline_bytes),
        end_(asked.count * sizeof(BatchRow)) {}

  void add_error(const Error& error) noexcept {
    BatchRow row;
    row.status = static_cast<std::uint32_t>(error.code());
    add(row);
  }
  /// Adds an object, and its block; none: only the object's node has that.
  void add_object(const ObjectWire& wire, std::span<const std::byte> block) noexcept {
    BatchRow row{.object = wire};
    const auto bytes = facts_ && !block.empty() ? block.subspan(wire.record.size_bytes) : block;
    const std::uint64_t begin = aligned(end_);
    const auto all = memory_->memory();
    if (!bytes.empty() && bytes.size() <= inline_bytes_ && begin + bytes.size() <= all.size()) {
      row.at = static_cast<std::uint32_t>(begin / batch_alignment);
      std::ranges::fill(all.subspan(end_, begin - end_), std::byte{});  // do not send old memory contents
      std::memcpy(all.data() + begin, bytes.data(), bytes.size());
      end_ = begin + bytes.size();
    }
    add(row);
  }
  [[nodiscard]] Bulk bulk() const noexcept {
    return {memory_->memory().first(end_), memory_, memory_->memory().size()};
  }

 private:
  void add(const BatchRow& row) noexcept {
    std::memcpy(memory_->memory().data() + added_ * sizeof row, &row, sizeof row);
    ++added_;
  }

  const std::shared_ptr<ReceivedBlock> memory_;
  const bool facts_;
  const std::uint64_t inline_bytes_;
  std::uint64_t end_;
  std::uint64_t added_ = 0;
};

// Room for rows and blocks; null: there is none. Only for rows, if that rank has many unread replies: it then
// requests each block alone.
std::shared_ptr<ReceivedBlock> BatchService::memory_for(const BatchWords& asked, ReplyTo reply_to) const {
  const std::uint64_t rows = asked.count * sizeof(BatchRow);
  const std::uint64_t most = std::min(most_batch_bytes, asked.count * aligned(parts_.inline_bytes));
  const bool has_room = parts_.channel->has_room(reply_to.rank, most + rows);
  return ReceivedBlock::make(aligned(rows) + (has_room ? most : 0), 0);
}

// `add_all(packing)` adds the objects that were asked for.
template <class AddAll>
void BatchService::answer(const BatchWords& asked, int from, ReplyTo reply_to, AddAll add_all) const {
  if (!parts_.channel->has_room(from, asked.count * sizeof(BatchRow))) {
    return parts_.refuse(reply_to, call_error::crowded(from, parts_.channel->options().rank));
  }
  const auto memory = memory_for(asked, reply_to);
  if (!memory) {
    return parts_.refuse(reply_to, no_memory_left());
  }
  Packing packing(asked, memory, parts_.inline_bytes);
  add_all(packing);
  const BatchReplyWords reply{.count = asked.count};
  parts_.reply(reply_to, words(reply), packing.bulk());
}

void BatchService::add(const Key& key, Packing& packing) const {
  const auto pin = parts_.local.pin_object(key);
  if (!pin) {
    return packing.add_error(pin.error());
  }
  const PinnedObject object(parts_.local.table, *pin);
  parts_.local.holds(*pin->record)
      ? packing.add_object(wire_of(*pin, pin->generation), parts_.local.block(*pin))
      : packing.add_error(block_outside_memory());
}

// A name is bound to an object of this node, or to a reference, which may include the object.
void BatchService::add(std::uint32_t store, std::string_view name, Packing& packing) const {
  const auto pin = parts_.is_at_home(store, name)
                       ? parts_.local.directory->find(store, name, parts_.channel->budget())
                       : Result<Pin>(Error(Errc::invalid_argument, "the home of this name is another node"));
  if (!pin) {
    return packing.add_error(pin.error());
  }
  const PinnedObject object(parts_.local.table, *pin);
  if (!parts_.local.holds(*pin->record)) {
    return packing.add_error(block_outside_memory());
  }
  const auto reference = parts_.local.reference(*pin);
  ObjectWire wire = reference ? reference->object : wire_of(*pin, pin->generation);
  wire.generation = pin->generation;
  const auto block = reference ? reference->block : parts_.local.block(*pin);
  !block.empty() && block.size() != wire.record.block_bytes() ? packing.add_error(block_outside_memory())
                                                              : packing.add_object(wire, block);
}

void BatchService::fetch(const BatchWords& asked, const Request& request, ReplyTo reply_to) {
  if (!is_right(asked) || request.bulk.size() != asked.count * sizeof(Key)) {
    return parts_.refuse_senseless(request);
  }
  answer(asked, request.from, reply_to, [&](Packing& packing) {
    for (auto left = request.bulk; !left.empty(); left = left.subspan(sizeof(Key))) {
      add(*read_words<Key>(left), packing);
    }
  });
}

void BatchService::look_up(const BatchWords& asked, const Request& request, ReplyTo reply_to) {
  if (!are_requests(request.bulk, asked.count, sizeof(NameWords))) {
    return parts_.refuse_senseless(request);
  }
  answer(asked, request.from, reply_to, [&](Packing& packing) {
    for (auto left = request.bulk; !left.empty();) {
      const auto each = next_request(left, sizeof(NameWords));
      const auto* const name = reinterpret_cast<const char*>(each->bulk.data());
      add(read_words<NameWords>(each->words)->store, {name, each->bulk.size()}, packing);
    }
  });
}

}  // namespace locum
