#include "core/object/received_range.hpp"

namespace locum {

ObjectView ReceivedRange::view(const ObjectFacts& facts, std::shared_ptr<ReceivedBlock> bytes, Path path,
                               std::uint64_t expires_ns) {
  const auto block = bytes->block();
  const std::shared_ptr<ReceivedRange> held(new ReceivedRange(facts, std::move(bytes), path, expires_ns));
  held->begin_view(held);
  return ObjectView(*held, 0, facts.key, block, facts.type_hash);
}

ObjectFacts ReceivedRange::describe(std::uint64_t /*pin*/) const {
  ObjectFacts facts = facts_;
  facts.type_name = type_name_;
  facts.name = name_;
  return facts;
}

Error no_room_for(std::uint64_t bytes) {
  return Error(Errc::out_of_memory, "this process has no free memory for the " + std::to_string(bytes) +
                                        " bytes of this part of an object; read less at a time");
}

}  // namespace locum
