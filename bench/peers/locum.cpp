// Put by name, get by name, one after the other. The reader sees the value where it lies.

#include <locum/locum.hpp>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

class LocumPeer final : public Peer {
 public:
  explicit LocumPeer(const Place& place)
      : runtime_(place.ranks, {.memory_bytes = memory_of(place)}), store_(runtime_.store("peers")) {}

  void put(std::span<const Item> items) override {
    for (const Item& item : items) {
      (void)store_.put_bytes(item.name, item.bytes).value();
    }
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto view = store_.get_bytes(names[i]).value();
      reader(i, *view);
    }
  }
  void remove(std::span<const Item> items) override {
    for (const Item& item : items) {
      (void)store_.evict(item.name).value();
    }
  }

 private:
  /// Twice the values, since a rank's memory is its own before it takes that of others; and the tables.
  [[nodiscard]] static std::uint64_t memory_of(const Place& place) {
    using namespace locum::literals;
    int size = 0;
    MPI_Comm_size(place.ranks, &size);
    return 2 * place.bytes + static_cast<std::uint64_t>(size) * 32_MiB + 64_MiB;
  }

  locum::Runtime runtime_;
  locum::Store store_;
};

}  // namespace

std::unique_ptr<Peer> make_locum(const Place& place) {
  return std::make_unique<LocumPeer>(place);
}

}  // namespace peers
