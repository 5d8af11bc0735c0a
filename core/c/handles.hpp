#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"

namespace locum::c {

/// The objects behind the handles of one kind. A handle is a number (kind, generation and place), so a handle
/// that was removed, or is of another kind, is recognised without reading memory that may be gone. An object
/// in use by one thread is destroyed only when that thread has finished. Any thread. Never destroyed: handles
/// may be used until the process ends.
template <class Object>
class Handles {
  struct Slot;

 public:
  /// \param kind 1 to 127, another one for each type
  explicit Handles(std::uint8_t kind) noexcept : kind_(kind) {}
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

  /// An object in use: it exists as long as this.
  class Use {
   public:
    Use() = default;
    Use(Handles& all, Slot& slot) noexcept : all_(&all), slot_(&slot) {}
    Use(Use&& other) noexcept : all_(other.all_), slot_(std::exchange(other.slot_, nullptr)) {}
    Use& operator=(Use&&) = delete;
    ~Use() {
      if (slot_ != nullptr) {
        all_->finish(*slot_);
      }
    }
    /// Returns false if the handle is none of this kind, or was removed.
    [[nodiscard]] explicit operator bool() const noexcept { return slot_ != nullptr; }
    [[nodiscard]] Object* operator->() const noexcept { return &*slot_->object; }
    [[nodiscard]] Object& operator*() const noexcept { return *slot_->object; }

   private:
    Handles* all_ = nullptr;
    Slot* slot_ = nullptr;
  };

  /// Returns a new handle; null if there are `most` already. Throws std::bad_alloc.
  [[nodiscard]] void* add(Object object) {
    const MutexLock lock(mutex_);
    if (free_.empty() && !grow()) {
      return nullptr;
    }
    const std::uint32_t place = free_.back();
    Slot& slot = *find(place);
    slot.object.emplace(std::move(object));
    free_.pop_back();
    // Only now: a handle of this generation exists nowhere yet.
    slot.state.fetch_and(~empty, std::memory_order_release);
    return to_handle(place, generation_of(slot.state.load(std::memory_order_relaxed)));
  }
  [[nodiscard]] Use use(const void* handle) noexcept {
    Slot* const slot = slot_of(handle);
    if (slot == nullptr) {
      return {};
    }
    const std::uint64_t before = slot->state.fetch_add(1, std::memory_order_acquire);
    if (generation_of(before) != generation_in(handle) || (before & (closing | empty)) != 0) {
      finish(*slot);
      return {};
    }
    return Use(*this, *slot);
  }
  /// Overload for objects that one thread at a time may use: also returns false while another thread does.
  /// All uses of such a kind are of this form.
  [[nodiscard]] Use use_alone(const void* handle) noexcept {
    Slot* const slot = slot_of(handle);
    if (slot == nullptr) {
      return {};
    }
    std::uint64_t idle = std::uint64_t{generation_in(handle)} << 32U;
    return slot->state.compare_exchange_strong(idle, idle + 1, std::memory_order_acq_rel) ? Use(*this, *slot)
                                                                                          : Use();
  }
  /// Ends the handle; the object is destroyed when no thread uses it. Returns false if it is no such handle.
  bool remove(const void* handle) noexcept {
    const Use last = use(handle);
    return last && (slot_of(handle)->state.fetch_or(closing, std::memory_order_acq_rel) & closing) == 0;
  }
  /// Ends the handle and returns its object; none if it is no such handle, or another thread uses it.
  [[nodiscard]] std::optional<Object> take(const void* handle) noexcept {
    Slot* const slot = slot_of(handle);
    if (slot == nullptr) {
      return std::nullopt;
    }
    std::uint64_t idle = std::uint64_t{generation_in(handle)} << 32U;
    if (!slot->state.compare_exchange_strong(idle, next(idle), std::memory_order_acq_rel)) {
      return std::nullopt;
    }
    std::optional<Object> object(std::move(*slot->object));
    recycle(*slot);
    return object;
  }

  /// Returns the number of live handles, about: other threads make and end them meanwhile.
  [[nodiscard]] std::size_t count() const noexcept {
    const MutexLock lock(mutex_);
    return chunks_used_ * chunk_size - free_.size();
  }

 private:
  static constexpr std::size_t chunk_size = 256;
  static constexpr std::size_t most_chunks = 256;
  static constexpr std::uint64_t closing = std::uint64_t{1} << 31U;  ///< the handle ended, its object did not
  static constexpr std::uint64_t empty = std::uint64_t{1} << 30U;    ///< there is no object

  struct Slot {
    /// From the highest bit: 32 of the generation, `closing`, `empty`, 30 of how many threads use the object,
    /// or are about to find that their handle is another one.
    std::atomic<std::uint64_t> state{(std::uint64_t{1} << 32U) | empty};
    std::optional<Object> object;
    std::uint32_t place = 0;
  };

  [[nodiscard]] static std::uint32_t generation_of(std::uint64_t state) noexcept {
    return static_cast<std::uint32_t>(state >> 32U);
  }
  [[nodiscard]] static std::uint64_t next(std::uint64_t state) noexcept {
    const std::uint32_t generation = generation_of(state) + 1;
    return (std::uint64_t{generation == 0 ? 1U : generation} << 32U) | empty;
  }
  [[nodiscard]] void* to_handle(std::uint32_t place, std::uint32_t generation) const noexcept {
    const std::uint64_t number = std::uint64_t{kind_} << 56U | std::uint64_t{generation} << 24U | place;
    return reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr): points to nothing
  }
  [[nodiscard]] static std::uint32_t generation_in(const void* handle) noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uint64_t>(handle) >> 24U);
  }
  [[nodiscard]] Slot* slot_of(const void* handle) noexcept {
    const auto number = reinterpret_cast<std::uint64_t>(handle);
    const auto place = static_cast<std::uint32_t>(number & 0xFFFFFFU);
    return number >> 56U == kind_ && place < chunk_size * most_chunks ? find(place) : nullptr;
  }
  [[nodiscard]] Slot* find(std::uint32_t place) noexcept {
    Slot* const chunk = chunks_[place / chunk_size].load(std::memory_order_acquire);
    return chunk == nullptr ? nullptr : chunk + place % chunk_size;
  }
  [[nodiscard]] bool grow() LOCUM_REQUIRES(mutex_) {
    if (chunks_used_ == most_chunks) {
      return false;
    }
    free_.reserve((chunks_used_ + 1) * chunk_size);  // recycle() allocates nothing
    auto slots = std::make_unique<Slot[]>(chunk_size);
    for (std::size_t at = chunk_size; at-- > 0;) {
      slots[at].place = static_cast<std::uint32_t>(chunks_used_ * chunk_size + at);
      free_.push_back(slots[at].place);
    }
    chunks_[chunks_used_++].store(slots.release(), std::memory_order_release);
    return true;
  }
  // The last of the threads that use a closing object makes its handle another generation's, and destroys it:
  // only one of them finds the state so.
  void finish(Slot& slot) noexcept {
    const std::uint64_t before = slot.state.fetch_sub(1, std::memory_order_acq_rel);
    if ((before & closing) == 0 || (before & (closing - 1)) != 1) {  // with `empty` it is more than 1
      return;
    }
    std::uint64_t unused = before - 1;
    if (slot.state.compare_exchange_strong(unused, next(unused), std::memory_order_acq_rel)) {
      recycle(slot);
    }
  }
  void recycle(Slot& slot) noexcept {
    slot.object.reset();
    const MutexLock lock(mutex_);
    free_.push_back(slot.place);
  }

  const std::uint8_t kind_;
  std::array<std::atomic<Slot*>, most_chunks> chunks_{};
  mutable Mutex mutex_;
  std::size_t chunks_used_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::vector<std::uint32_t> free_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::c
