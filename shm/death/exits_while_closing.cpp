#include "shm/death/exits_while_closing.hpp"

namespace locum::shm {

ExitsWhileClosing::ExitsWhileClosing(std::span<const ProcessIdentity> processes, std::uint32_t own)
    : descriptors_(watched(processes, own)) {
  polled_.reserve(descriptors_.size());
  for (const Descriptor& each : descriptors_) {
    polled_.push_back({.fd = each.number(), .events = POLLIN, .revents = 0});
  }
}

std::vector<std::uint32_t> ExitsWhileClosing::exited_for(Deadline::Clock::duration patience) {
  std::vector<std::uint32_t> ranks;
  if (::poll(polled_.data(), polled_.size(), 0) <= 0) {
    return ranks;
  }
  for (std::uint32_t rank = 0; rank < polled_.size(); ++rank) {
    if ((polled_[rank].revents & POLLIN) != 0) {
      ranks.push_back(rank);
    }
  }
  const auto now = Deadline::Clock::now();
  if (!ranks.empty() && now - first_seen_.emplace(first_seen_.value_or(now)) < patience) {
    ranks.clear();
  }
  return ranks;
}

}  // namespace locum::shm
