#include "core/rpc/held_messages.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/unless_out_of_memory.hpp"

namespace locum {

namespace {

constexpr std::size_t most_held = 64;

std::size_t bytes_of(const HeldMessages::Held& message) noexcept {
  return bytes_together(message.body.size(), message.bulk.bytes.size());
}

}  // namespace

HeldMessages::HeldMessages() {
  held_.reserve(most_held);
}

bool HeldMessages::keep(Held&& message) noexcept {
  if (held_.size() == held_.capacity() || bytes_of(message) > most_bytes_of_one) {
    return false;
  }
  held_.push_back(std::move(message));
  return true;
}

std::optional<Bulk> HeldMessages::with(int rank, const MessageParts& message) const {
  std::size_t bytes = bytes_together(message.body.size(), message.bulk.size());
  const std::size_t alone = bytes;
  packed_ = 0;
  if (bytes > most_bytes_of_one) {
    return std::nullopt;
  }
  for (const Held& one : held_) {
    if (one.to == rank) {
      if (bytes + bytes_of(one) > most_together_bytes) {
        break;
      }
      bytes += bytes_of(one);
      ++packed_;
    }
  }
  if (bytes == alone) {
    return std::nullopt;
  }
  const auto packed = std::make_shared<std::vector<std::byte>>();
  const bool are_packed = unless_out_of_memory([&] {
    packed->reserve(bytes);
    std::size_t left = packed_;
    for (auto one = held_.begin(); left > 0; ++one) {
      if (one->to == rank) {
        append_message({one->envelope, one->body, one->bulk.bytes}, *packed);
        --left;
      }
    }
    append_message(message, *packed);
  });
  return are_packed ? std::optional<Bulk>({*packed, packed}) : std::nullopt;
}

void HeldMessages::sent_with(int rank) noexcept {
  std::erase_if(held_, [&](const Held& one) { return one.to == rank && packed_ > 0 && packed_-- > 0; });
}

std::optional<HeldMessages::Held> HeldMessages::take_due(Moment now) noexcept {
  const auto due = std::ranges::find_if(held_, [&](const Held& one) { return one.due <= now; });
  if (due == held_.end()) {
    return std::nullopt;
  }
  const auto last = std::ranges::find(held_.rbegin(), held_.rend(), due->to, &Held::to);
  std::optional<Held> taken = std::move(*last);
  held_.erase(std::next(last).base());
  return taken;
}

HeldMessages::Moment HeldMessages::next_due() const noexcept {
  const auto first = std::ranges::min_element(held_, {}, &Held::due);
  return first == held_.end() ? Moment::max() : first->due;
}

void HeldMessages::forget(int rank) noexcept {
  std::erase_if(held_, [&](const Held& one) { return one.to == rank; });
}

}  // namespace locum
