#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/pack/pack.hpp"

namespace locum::storage {

/// The packs of a folder that are open: each once. Of those that nobody uses the one that was not used for
/// longest is closed, when there would be more than `most_open`, unless it stays open. Any thread may call;
/// who opens or closes a pack makes only those wait who want the same one.
class OpenPacks {
  struct Slot;

 public:
  /// Opens the pack of that path below the folder. \param makes it, if it is not there; else `not_found`
  using Opener = std::function<Result<std::shared_ptr<Pack>>(const std::string& path, bool makes)>;

  /// A pack that is in use, and stays open meanwhile.
  class Use {
   public:
    Use(Use&& other) noexcept
        : packs_(std::exchange(other.packs_, nullptr)),
          path_(other.path_),
          slot_(other.slot_),
          is_over_(other.is_over_) {}
    Use& operator=(Use&&) = delete;
    ~Use() {
      if (packs_ != nullptr) {
        packs_->give_back(*path_, *slot_, is_over_);
      }
    }
    [[nodiscard]] Pack& operator*() const noexcept { return *slot_->pack; }
    [[nodiscard]] Pack* operator->() const noexcept { return slot_->pack.get(); }
    /// Closes it as soon as nobody uses it.
    void close_when_unused() noexcept { is_over_ = true; }

   private:
    friend class OpenPacks;
    Use(OpenPacks& packs, const std::string& path, Slot& slot) noexcept
        : packs_(&packs), path_(&path), slot_(&slot) {}
    OpenPacks* packs_;
    const std::string* path_;  ///< in the map, as the slot
    Slot* slot_;
    bool is_over_ = false;
  };
  /// While it lives nobody uses a pack of a folder, and none of them is open.
  class Closed {
   public:
    Closed(Closed&& other) noexcept : packs_(std::exchange(other.packs_, nullptr)) {}
    Closed& operator=(Closed&&) = delete;
    ~Closed() {
      if (packs_ != nullptr) {
        packs_->let_open_again();
      }
    }

   private:
    friend class OpenPacks;
    explicit Closed(OpenPacks& packs) noexcept : packs_(&packs) {}
    OpenPacks* packs_;
  };

  OpenPacks(Opener open, std::size_t most_open) : open_(std::move(open)), most_open_(most_open) {}
  OpenPacks(const OpenPacks&) = delete;
  OpenPacks& operator=(const OpenPacks&) = delete;

  /// The errors of opening it; `timeout` if another thread was opening or closing it until the deadline.
  [[nodiscard]] Result<Use> use(const std::string& path, bool makes, Deadline deadline);
  /// Closes all whose paths begin with `folder` and a `/`, once nobody uses them. `timeout`. REQUIRES: the
  /// calling thread uses none.
  [[nodiscard]] Result<Closed> close_all_in(std::string_view folder, Deadline deadline);

 private:
  struct Slot {
    std::shared_ptr<Pack> pack;
    std::size_t users = 0;
    std::uint64_t last_used = 0;
    bool is_changing = false;  ///< a thread opens or closes it
    bool is_over = false;      ///< to be closed when nobody uses it
  };
  using Slots = std::unordered_map<std::string, Slot>;

  void give_back(const std::string& path, Slot& slot, bool is_over);
  void let_open_again();
  [[nodiscard]] bool is_closed_off(std::string_view path) const LOCUM_REQUIRES(mutex_) {
    return !closed_off_.empty() && path.starts_with(closed_off_);
  }
  /// A pack that its slot still says to be changing, until close().
  struct Taken {
    std::shared_ptr<Pack> pack;
    std::string path;
  };
  [[nodiscard]] static Taken take(Slots::value_type& slot);
  [[nodiscard]] Taken take_longest_unused() LOCUM_REQUIRES(mutex_);
  void close_too_many();
  void close(Taken taken);

  const Opener open_;
  const std::size_t most_open_;
  Mutex mutex_;
  std::condition_variable changed_;
  Slots slots_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t uses_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::string closed_off_ LOCUM_GUARDED_BY(mutex_);  ///< a folder and `/`; empty: none
};

}  // namespace locum::storage
