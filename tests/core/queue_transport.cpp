#include "tests/core/queue_transport.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <utility>

#include "core/base/mutex.hpp"

namespace locum::tests {

namespace {

constexpr std::size_t most_present_bytes = 4096;

struct Letter {
  int from = 0;
  std::vector<std::byte> header;
  std::vector<std::byte> bulk;
  Transport::Clock::time_point due;
};

struct Queue {
  Mutex mutex;
  std::deque<Letter> letters LOCUM_GUARDED_BY(mutex);
  bool woken LOCUM_GUARDED_BY(mutex) = false;
  std::condition_variable changed;

  [[nodiscard]] bool has_due() const LOCUM_REQUIRES(mutex) {
    return !letters.empty() && letters.front().due <= Transport::Clock::now();
  }
};

class QueueTransport final : public Transport {
 public:
  QueueTransport(std::shared_ptr<std::vector<Queue>> queues, int rank, Clock::duration delay)
      : queues_(std::move(queues)), rank_(rank), delay_(delay) {}

  Result<Sending> send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                       std::uint64_t /*ticket*/) override {
    Queue& queue = queues_->at(static_cast<std::size_t>(to));
    const MutexLock lock(queue.mutex);
    queue.letters.push_back(
        {rank_, {header.begin(), header.end()}, {bulk.begin(), bulk.end()}, Clock::now() + delay_});
    queue.changed.notify_all();
    return Sending::done;
  }

  void forget(int /*rank*/) noexcept override {}

  bool progress(Receiver& receiver) override {
    std::deque<Letter> letters;
    {
      const MutexLock lock(own().mutex);
      while (own().has_due()) {
        letters.push_back(std::move(own().letters.front()));
        own().letters.pop_front();
      }
    }
    for (const Letter& letter : letters) {
      const bool present = letter.bulk.size() <= most_present_bytes;
      const std::uint64_t landing = ++last_landing_;
      const auto memory = receiver.arrived(
          {.from = letter.from,
           .header = letter.header,
           .bulk_bytes = letter.bulk.size(),
           .present = present ? std::span<const std::byte>(letter.bulk) : std::span<const std::byte>(),
           .landing = landing});
      if (!present && !memory.empty()) {
        std::copy(letter.bulk.begin(), letter.bulk.end(), memory.begin());
        receiver.landed(landing, Path::rendezvous);
      }
    }
    return !letters.empty();
  }

  bool arm() override {
    const MutexLock lock(own().mutex);
    return !own().has_due();
  }

  void sleep(Clock::time_point moment) override {
    MutexLock lock(own().mutex);
    while (!own().has_due() && !own().woken && Clock::now() < moment) {
      const auto due = own().letters.empty() ? moment : std::min(moment, own().letters.front().due);
      (void)lock.wait_until(own().changed, due);
    }
    own().woken = false;
  }

  void wake() noexcept override {
    const MutexLock lock(own().mutex);
    own().woken = true;
    own().changed.notify_all();
  }

  Clock::time_point now() const noexcept override { return Clock::now(); }

 private:
  [[nodiscard]] Queue& own() { return (*queues_)[static_cast<std::size_t>(rank_)]; }

  const std::shared_ptr<std::vector<Queue>> queues_;
  const int rank_;
  const Clock::duration delay_;
  std::uint64_t last_landing_ = 0;
};

}  // namespace

std::vector<std::shared_ptr<Transport>> queue_transports(int ranks, Transport::Clock::duration delay) {
  const auto queues = std::make_shared<std::vector<Queue>>(static_cast<std::size_t>(ranks));
  std::vector<std::shared_ptr<Transport>> transports;
  for (int rank = 0; rank < ranks; ++rank) {
    transports.push_back(std::make_shared<QueueTransport>(queues, rank, delay));
  }
  return transports;
}

}  // namespace locum::tests
