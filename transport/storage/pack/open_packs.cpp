#include "transport/storage/pack/open_packs.hpp"

#include <chrono>

#include "core/value/errors.hpp"

namespace locum::storage {

namespace {

Error is_busy(const std::string& path) {
  return deadline_passed("another thread did not finish opening or closing the pack '" + path + "'",
                         "look at its disk");
}

Deadline::Clock::time_point moment_of(Deadline deadline) {
  return deadline.moment(std::chrono::seconds(30));
}

}  // namespace

Result<OpenPacks::Use> OpenPacks::use(const std::string& path, bool makes, Deadline deadline) {
  const auto moment = moment_of(deadline);
  {
    MutexLock lock(mutex_);
    for (;;) {
      const auto [place, is_new] = slots_.try_emplace(path);
      Slot& slot = place->second;
      if (!is_closed_off(path) && is_new) {
        slot.is_changing = true;
        break;
      }
      if (!is_closed_off(path) && !slot.is_changing) {
        ++slot.users;
        slot.last_used = ++uses_;
        return Use(*this, place->first, slot);
      }
      if (is_new) {
        slots_.erase(place);
      }
      if (!lock.wait_until(changed_, moment)) {
        return is_busy(path);
      }
    }
  }
  close_too_many();
  auto pack = open_(path, makes);
  const MutexLock lock(mutex_);
  changed_.notify_all();
  const auto place = slots_.find(path);
  if (!pack) {
    slots_.erase(place);
    return pack.error();
  }
  place->second = {.pack = std::move(*pack), .users = 1, .last_used = ++uses_};
  return Use(*this, place->first, place->second);
}

void OpenPacks::give_back(const std::string& path, Slot& slot, bool is_over) {
  Taken taken;
  bool are_too_many = false;
  {
    const MutexLock lock(mutex_);
    slot.is_over = slot.is_over || is_over;
    if (--slot.users > 0) {
      return;
    }
    if (slot.is_over) {
      taken = take(*slots_.find(path));
    }
    are_too_many = slots_.size() > most_open_;
    changed_.notify_all();
  }
  if (taken.pack) {
    close(std::move(taken));
  }
  if (are_too_many) {
    close_too_many();
  }
}

OpenPacks::Taken OpenPacks::take(Slots::value_type& slot) {
  slot.second.is_changing = true;
  return {std::move(slot.second.pack), slot.first};
}

OpenPacks::Taken OpenPacks::take_longest_unused() {
  Slots::value_type* found = nullptr;
  for (auto& one : slots_) {
    if (one.second.users == 0 && !one.second.is_changing &&
        (found == nullptr || one.second.last_used < found->second.last_used) &&
        !one.second.pack->stays_open()) {
      found = &one;
    }
  }
  return found != nullptr ? take(*found) : Taken();
}

void OpenPacks::close_too_many() {
  for (;;) {
    Taken taken;
    {
      const MutexLock lock(mutex_);
      if (slots_.size() > most_open_) {
        taken = take_longest_unused();
      }
    }
    if (!taken.pack) {
      return;
    }
    close(std::move(taken));
  }
}

void OpenPacks::close(Taken taken) {
  taken.pack.reset();
  const MutexLock lock(mutex_);
  slots_.erase(taken.path);
  changed_.notify_all();
}

Result<OpenPacks::Closed> OpenPacks::close_all_in(std::string_view folder, Deadline deadline) {
  const auto moment = moment_of(deadline);
  const std::string beginning = std::string(folder) + '/';
  {
    MutexLock lock(mutex_);
    while (!closed_off_.empty()) {
      if (!lock.wait_until(changed_, moment)) {
        return is_busy(beginning);
      }
    }
    closed_off_ = beginning;
  }
  Closed closed(*this);
  for (;;) {
    Taken taken;
    {
      MutexLock lock(mutex_);
      for (bool waits = true; waits && !taken.pack;) {
        waits = false;
        for (auto& one : slots_) {
          if (one.first.starts_with(beginning)) {
            waits = true;
            if (one.second.users == 0 && !one.second.is_changing) {
              taken = take(one);
              break;
            }
          }
        }
        if (waits && !taken.pack && !lock.wait_until(changed_, moment)) {
          return is_busy(beginning);
        }
      }
    }
    if (!taken.pack) {
      return closed;
    }
    close(std::move(taken));
  }
}

void OpenPacks::let_open_again() {
  const MutexLock lock(mutex_);
  closed_off_.clear();
  changed_.notify_all();
}

}  // namespace locum::storage
