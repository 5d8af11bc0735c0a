#include "core/node/disk_copy.hpp"

#include <utility>

#include "core/base/warm_memory.hpp"
#include "core/object/object_tail.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

// Whatever the type: only large objects leave memory.
constexpr std::uint64_t disk_alignment = 4096;

}  // namespace

DiskCopy::DiskCopy(const Pin& pin) noexcept
    : CountedBoard(Path::storage),
      key_(pin.key),
      record_(*pin.record),
      generation_(pin.generation),
      bytes_(pin.record->block_bytes()) {}

Result<std::shared_ptr<DiskCopy>> DiskCopy::read(ObjectSpill& spill, const Pin& pin) {
  auto copy = std::make_shared<DiskCopy>(pin);
  copy->block_ = {WarmMemory::of_process().take(copy->bytes_, disk_alignment), {copy->bytes_}};
  if (!copy->block_) {
    return no_memory_left();
  }
  if (auto done = spill.read(pin, {copy->block_.get(), copy->bytes_}); !done) {
    return done.error();
  }
  return copy;
}

ObjectView DiskCopy::view(std::shared_ptr<DiskCopy> copy) {
  DiskCopy& object = *copy;
  object.begin_view(std::move(copy));
  return {object, 0, object.key_, object.block().first(object.record_.size_bytes), object.record_.type_hash};
}

ObjectFacts DiskCopy::describe(std::uint64_t /*pin*/) const {
  return facts_of({0, key_, &record_, generation_}, block_.get());
}

std::uint64_t DiskCopy::expires_ns(std::uint64_t /*pin*/) const noexcept {
  return expiry_of(block_.get(), record_);
}

void DiskCopy::Free::operator()(std::byte* block) const noexcept {
  WarmMemory::of_process().give_back(block, bytes, disk_alignment);
}

Result<std::shared_ptr<DiskCopy>> from_disk(ObjectSpill* spill, const Pin& pin, WaitBudget budget) {
  if (spill == nullptr) {
    return memory_damaged(
               "the table entry of this object places it on disk, and this node has no spill folder")
        .about(to_string(pin.key));
  }
  const auto back = spill->bring_back(pin, budget);
  if (back) {
    return std::shared_ptr<DiskCopy>();
  }
  return back.error().code() == Errc::out_of_memory ? DiskCopy::read(*spill, pin)
                                                    : Result<std::shared_ptr<DiskCopy>>(back.error());
}

}  // namespace locum
