// A map in the memory of one process, with a lock: what a program has without a store. A value is copied in,
// and compared where it lies.

#include <mutex>
#include <unordered_map>
#include <vector>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

class MapPeer final : public Peer {
 public:
  void put(std::span<const Item> items) override {
    for (const Item& item : items) {
      std::vector<std::byte> copy(item.bytes.begin(), item.bytes.end());
      const std::lock_guard lock(mutex_);
      values_.emplace(item.name, std::move(copy));
    }
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    for (std::size_t i = 0; i < names.size(); ++i) {
      reader(i, find(names[i]));
    }
  }
  void remove(std::span<const Item> items) override {
    for (const Item& item : items) {
      const std::lock_guard lock(mutex_);
      values_.erase(item.name);
    }
  }

 private:
  /// Valid until the value is removed, which nobody does while another one reads it.
  [[nodiscard]] std::span<const std::byte> find(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return values_.at(name);
  }

  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<std::byte>> values_;
};

}  // namespace

std::unique_ptr<Peer> make_map(const Place& /*place*/) {
  return std::make_unique<MapPeer>();
}

}  // namespace peers
