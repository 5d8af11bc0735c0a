#include "core/copies/flight.hpp"

namespace locum {

bool is_overtaken(const Error& error) noexcept {
  return error.code() == Errc::key_exists || error.code() == Errc::stale || error.code() == Errc::not_found;
}

std::optional<CopyWords> copy_in(std::span<const std::byte> body, const Key& key) {
  const auto words = read_words<CopyWords>(body);
  return words && words->object.key == key && plausible(words->object) ? words : std::nullopt;
}

// Once it runs, the driver may list it again.
void Flight::Wish::lend(const WaitBudget& budget, bool wanted) noexcept {
  const auto flight = borrower_.pop();
  if (!wanted) {
    flight->forget();
  }
  flight->run_if_wanting(budget);
}

CopyPlace::Place CopyPlace::place(std::span<const std::byte> body, std::uint64_t block_bytes) {
  auto found = room(body, block_bytes);
  return !found && lacks_room() ? std::nullopt : Place(std::move(found));
}

std::shared_ptr<ReceivedBlock> CopyPlace::room(std::span<const std::byte> body, std::uint64_t block_bytes) {
  const auto reply = copy_in(body, key_);
  if (!reply || reply->listed == 0 || reply->object.record.block_bytes() != block_bytes) {
    return nullptr;
  }
  const ObjectRecord& record = reply->object.record;
  if (!sought_) {
    room_ = copies_.room(key_, record);
    if (!room_) {
      lacking_ = record;
    }
  } else if (record.size_bytes != lacking_->size_bytes || record.block_bytes() != lacking_->block_bytes()) {
    room_.reset();  // the room is not for the arriving object
  }
  return room_ ? std::shared_ptr<ReceivedBlock>(room_, &room_->block()) : nullptr;
}

bool CopyPlace::make_room(const WaitBudget& budget) {
  const auto made = copies_.make_room(key_, *lacking_, budget);
  room_ = made.room;
  sought_ = !made.later;
  return sought_;
}

void CopyPlace::begin_again() noexcept {
  room_.reset();
  lacking_.reset();
  sought_ = false;
}

}  // namespace locum
