#include "core/client/received_batch.hpp"

#include <cstring>
#include <utility>

#include "core/object/object_tail.hpp"
#include "core/value/errors.hpp"

namespace locum {

ReceivedBatch::ReceivedBatch(std::shared_ptr<ReceivedBlock> bytes, std::uint64_t size, std::size_t rows,
                             bool facts, Path path)
    : CountedBoard(path),
      bytes_(std::move(bytes)),
      all_(bytes_->memory().first(size)),
      rows_(rows),
      facts_(facts) {}

BatchRow ReceivedBatch::row(std::size_t at) const noexcept {
  BatchRow row;
  std::memcpy(&row, all_.data() + at * sizeof row, sizeof row);
  return row;
}

Result<void> ReceivedBatch::check(std::span<const std::byte> bytes, const ObjectWire& wire) const {
  if (!facts_) {
    return ReceivedBlock::check(bytes, wire);
  }
  if (!facts_of_tail({0, wire.key, &wire.record, wire.generation}, bytes.data()).whole) {
    return other_object_received().about(to_string(wire.key));
  }
  return {};
}

Result<ObjectView> ReceivedBatch::view(const std::shared_ptr<ReceivedBatch>& held, std::size_t at) {
  const BatchRow row = held->row(at);
  const ObjectWire& wire = row.object;
  const std::uint64_t begin = row.at * batch_alignment;
  const std::uint64_t size = held->bytes_of(wire.record);
  if (begin < held->rows_ * sizeof row || begin > held->all_.size() || size > held->all_.size() - begin) {
    return Error(Errc::corrupt, "a received batch places this object outside its bytes; get it again")
        .about(to_string(wire.key));
  }
  const auto bytes = held->all_.subspan(begin, size);
  if (auto right = held->check(bytes, wire); !right) {
    return right.error();
  }
  held->begin_view(held);
  return Result<ObjectView>(std::in_place, *held, at, wire.key,
                            bytes.first(held->facts_ ? 0 : wire.record.size_bytes), wire.record.type_hash);
}

ObjectFacts ReceivedBatch::describe(std::uint64_t pin) const {
  const BatchRow said = row(pin);
  const Pin object{0, said.object.key, &said.object.record, said.object.generation};
  const std::byte* const begin = all_.data() + said.at * batch_alignment;
  return facts_ ? facts_of_tail(object, begin) : facts_of(object, begin);
}

std::uint64_t ReceivedBatch::expires_ns(std::uint64_t pin) const noexcept {
  const BatchRow said = row(pin);
  const ObjectRecord& record = said.object.record;
  const std::byte* const begin = all_.data() + said.at * batch_alignment;
  return facts_ ? expiry_in_tail(begin, record) : expiry_of(begin, record);
}

}  // namespace locum
