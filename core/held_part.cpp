#include "core/held_part.hpp"

#include <utility>

#include "core/directory.hpp"

namespace locum {

Result<ObjectView> HeldPart::view(const NodeAnswer& answer, const Key& key, std::string_view name,
                                  const ByteRange& range, std::uint64_t generation) {
  const Error senseless(Errc::corrupt, "the node of this object's owner answered what makes no sense");
  const auto wire = read_words<PartWire>(answer.body);
  if (!wire || !plausible(wire->object) || wire->object.key != key || !answer.block ||
      answer.block_bytes != range.bytes || !check_range(range, wire->object.record.size_bytes) ||
      wire->type_name_bytes > answer.body.size() - sizeof *wire) {
    return senseless.about(to_string(key));
  }
  const std::string_view type_name(reinterpret_cast<const char*>(answer.body.data()) + sizeof *wire,
                                   wire->type_name_bytes);
  const ObjectRecord& record = wire->object.record;
  if ((!type_name.empty() && text_hash(type_name) != record.type_hash) ||
      (!name.empty() && record.name_hash != name_hash(key.store, name))) {
    return senseless.about(name.empty() ? to_string(key) : name);
  }
  const std::shared_ptr<HeldPart> held(new HeldPart(answer));
  held->wire_ = *wire;
  if (held->wire_.object.generation == 0) {
    held->wire_.object.generation = generation;
  }
  held->type_name_ = type_name;
  held->name_ = name;
  held->self_ = held;
  return Result<ObjectView>(std::in_place, *held, 0, key, held->bytes_->memory(), record.type_hash);
}

void HeldPart::retain(std::uint64_t /*pin*/) noexcept {
  views_.fetch_add(1, std::memory_order_relaxed);
}

void HeldPart::release(std::uint64_t /*pin*/) noexcept {
  if (views_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    const std::shared_ptr<HeldPart> last = std::move(self_);
  }
}

ObjectFacts HeldPart::describe(std::uint64_t /*pin*/) const {
  const ObjectRecord& record = wire_.object.record;
  ObjectFacts facts;
  facts.key = wire_.object.key;
  facts.size_bytes = record.size_bytes;
  facts.generation = wire_.object.generation;
  facts.type_hash = record.type_hash;
  facts.element_bytes = wire_.element_bytes;
  facts.layout = record.layout;
  facts.type_name = type_name_;
  facts.name = name_;
  return facts;
}

Result<ObjectView> fetch_part(const NodeClient& client, const Key& key, std::string_view name,
                              const ByteRange& range, std::uint64_t generation, Deadline deadline) {
  const PartWords asked{.key = key, .offset = range.offset, .bytes = range.bytes};
  const auto answer =
      client.ask(client.nodes().of_creator(key.creator), Kind::fetch_part, words(asked), {}, deadline);
  return answer ? HeldPart::view(*answer, key, name, range, generation) : Result<ObjectView>(answer.error());
}

}  // namespace locum
