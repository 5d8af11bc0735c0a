#include "tests/core/scarce_memory.hpp"

#include <utility>

#include "tests/core/operator_new.hpp"
#include "tests/core/spared_allocations.hpp"

namespace {

// By one thread at a time.
int allocations_left = -1;  // those after so many fail; below 0 none does
int most_failures = 0;      // so many of them
int failures_left = 0;

}  // namespace

bool locum::tests::fails_to_allocate() noexcept {
  if (allocations_left < 0 || tests::allocations_spared != 0) {
    return false;
  }
  const bool fails = allocations_left == 0 && failures_left > 0;
  failures_left -= fails ? 1 : 0;
  allocations_left -= allocations_left > 0 ? 1 : 0;
  return fails;
}

namespace locum::tests {

namespace {

class SparedReceiver final : public Receiver {
 public:
  explicit SparedReceiver(Receiver& receiver) : receiver_(receiver) {}
  std::span<std::byte> arrived(const Arrival& message) noexcept override {
    const CountAllocations count;
    return receiver_.arrived(message);
  }
  void landed(std::uint64_t landing, const Result<Path>& outcome) noexcept override {
    const CountAllocations count;
    receiver_.landed(landing, outcome);
  }
  void sent(std::uint64_t ticket, const Result<void>& outcome) noexcept override {
    const CountAllocations count;
    receiver_.sent(ticket, outcome);
  }
  void lost(int rank, const Error& cause) noexcept override {
    const CountAllocations count;
    receiver_.lost(rank, cause);
  }

 private:
  Receiver& receiver_;
};

class SparedTransport final : public Transport {
 public:
  explicit SparedTransport(std::shared_ptr<Transport> transport) : transport_(std::move(transport)) {}

  Result<Sending> send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                       std::uint64_t ticket) override {
    const SpareAllocations spare;
    return transport_->send(to, header, bulk, ticket);
  }
  void forget(int rank) noexcept override {
    const SpareAllocations spare;
    transport_->forget(rank);
  }
  bool progress(Receiver& receiver) override {
    const SpareAllocations spare;
    SparedReceiver hears(receiver);
    return transport_->progress(hears);
  }
  bool arm() override { return transport_->arm(); }
  void sleep(Clock::time_point moment) override {
    const SpareAllocations spare;
    transport_->sleep(moment);
  }
  void wake() noexcept override {
    const SpareAllocations spare;
    transport_->wake();
  }
  Clock::time_point now() const noexcept override { return transport_->now(); }

 private:
  const std::shared_ptr<Transport> transport_;
};

class SparedRemoteMemory final : public RemoteMemory {
 public:
  explicit SparedRemoteMemory(std::shared_ptr<RemoteMemory> remote) : remote_(std::move(remote)) {}

  Result<Exposure> expose(std::span<const std::byte> memory) override {
    const SpareAllocations spare;
    return remote_->expose(memory);
  }
  void withdraw(std::uint64_t number) noexcept override {
    const SpareAllocations spare;
    remote_->withdraw(number);
  }
  Result<Sending> get(int from, const RemoteKey& key, std::uint64_t offset, std::span<std::byte> into,
                      Then then) override {
    const SpareAllocations spare;
    return remote_->get(from, key, offset, into, [then = std::move(then)](const Result<void>& outcome) {
      const CountAllocations count;
      then(outcome);
    });
  }
  bool reads(int rank) const noexcept override { return remote_->reads(rank); }

 private:
  const std::shared_ptr<RemoteMemory> remote_;
};

}  // namespace

void make_memory_scarce(int left, int failures) {
  most_failures = failures_left = failures;
  allocations_left = left;
}

bool end_scarcity() {
  allocations_left = -1;
  return failures_left < most_failures;
}

std::shared_ptr<Transport> spared(std::shared_ptr<Transport> transport) {
  return std::make_shared<SparedTransport>(std::move(transport));
}

std::shared_ptr<RemoteMemory> spared(std::shared_ptr<RemoteMemory> remote) {
  return remote ? std::make_shared<SparedRemoteMemory>(std::move(remote)) : nullptr;
}

}  // namespace locum::tests
