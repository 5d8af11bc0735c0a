#include "tests/loopback/links.hpp"

#include <algorithm>
#include <utility>

namespace locum::loopback {

Links::Links(int ranks, const Range& latency) : latency_(latency), sides_(static_cast<std::size_t>(ranks)) {}

const Links::Link* Links::find(int from, int to) const noexcept {
  const auto found = links_.find(key(from, to));
  return found == links_.end() ? nullptr : &found->second;
}

const Range& Links::latency(int from, int to) const noexcept {
  const Link* link = find(from, to);
  return link != nullptr && link->latency ? *link->latency : latency_;
}

Moment Links::in_order(int from, int to, Moment earliest, Moment now) {
  sweep(now);
  Link& link = at(from, to);
  link.last_arrival = std::max(link.last_arrival, earliest);
  return link.last_arrival;
}

// Forgets links with only a past arrival: they do not affect later arrivals.
void Links::sweep(Moment now) {
  if (links_.size() < sweep_at_) {
    return;
  }
  std::erase_if(links_, [now](const auto& entry) {
    const Link& link = entry.second;
    return link.last_arrival < now && link.kept_until < now && !link.latency && !link.cut && !link.ended &&
           !link.given_up;
  });
  sweep_at_ = std::max<std::size_t>(1024, 2 * links_.size());
}

void Links::heal(int from, int to) {
  if (const auto found = links_.find(key(from, to)); found != links_.end()) {
    found->second.cut.reset();
  }
}

void Links::partition(const std::vector<int>& apart, Cut cut) {
  ++last_side_;
  partition_cut_ = cut;
  for (const int rank : apart) {
    sides_.at(static_cast<std::size_t>(rank)) = last_side_;
  }
}

void Links::heal_all() {
  std::ranges::fill(sides_, 0);
  for (auto& entry : links_) {
    entry.second.cut.reset();
  }
}

std::optional<Cut> Links::cut(int from, int to) const noexcept {
  if (const Link* link = find(from, to); link != nullptr && link->cut) {
    return link->cut;
  }
  const bool together = sides_[static_cast<std::size_t>(from)] == sides_[static_cast<std::size_t>(to)];
  return together ? std::nullopt : std::optional(partition_cut_);
}

bool Links::kept(int from, int to, Moment now) const noexcept {
  const Link* link = find(from, to);
  return link != nullptr && now <= link->kept_until;
}

bool Links::ended(int from, int to) const noexcept {
  const Link* link = find(from, to);
  return link != nullptr && (link->ended || link->given_up);
}

bool Links::give_up(int observer, int peer) {
  Link& link = at(peer, observer);
  return !std::exchange(link.given_up, true);
}

bool Links::given_up(int observer, int peer) const noexcept {
  const Link* link = find(peer, observer);
  return link != nullptr && link->given_up;
}

}  // namespace locum::loopback
