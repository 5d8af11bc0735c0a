#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/object/internal_stores.hpp"
#include "core/ports/batches.hpp"
#include "tests/core/begun.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/forwarding_directory.hpp"
#include "tests/core/simulated_nodes.hpp"

// How often a get looks at the copies that its node has of other nodes' objects.
namespace locum::tests::copy_looks_test {
namespace {

constexpr std::uint32_t store = 7;
constexpr std::size_t large_bytes = 100'000;

/// Counts look-ups of entries for copies.
class LookedUpDirectory final : public ForwardingDirectory {
 public:
  LookedUpDirectory(std::shared_ptr<Directory> directory, const Key& object, int& looks)
      : ForwardingDirectory(std::move(directory)), object_(object), looks_(looks) {}

  Result<Pin> find(std::uint32_t of_store, std::string_view name, WaitBudget budget) override {
    looks_ += of_store == copies_store ? 1 : 0;
    return ForwardingDirectory::find(of_store, name, budget);
  }
  Result<std::uint64_t> generation(std::uint64_t hash, WaitBudget budget) override {
    looks_ += hash == name_hash(copies_store, internal_name(object_)) ? 1 : 0;
    return ForwardingDirectory::generation(hash, budget);
  }

 private:
  const Key& object_;
  int& looks_;
};

/// Rank 0 makes a large object, and rank 1, on another node, gets it.
class CopyLooks : public ::testing::Test {
 protected:
  CopyLooks() : world_(options()), name_(world_.name_at(2, store, "name")) {
    object_ = put(world_.connector(0), store, name_, pattern(1, large_bytes)).value().key;
    looks_ = 0;
  }
  [[nodiscard]] Connector& reader() { return world_.connector(1); }
  /// How many looks a get takes that succeeds.
  template <class Get>
  [[nodiscard]] int looks_of(Get get) {
    looks_ = 0;
    const Result<ObjectView> found = get();
    EXPECT_TRUE(found && holds(*found, pattern(1, large_bytes)));
    return looks_;
  }

 private:
  SimulatedNodesOptions options() {
    const auto wrap = [this](int rank, const NodeProcess& process) -> std::shared_ptr<Directory> {
      if (rank != 1) {
        return process.directory;
      }
      return std::make_shared<LookedUpDirectory>(process.directory, object_, looks_);
    };
    return {.nodes = {.nodes = 3, .wrap_directory = wrap}};
  }

  int looks_ = 0;

 protected:
  Key object_;
  SimulatedNodes world_;
  const std::string name_;
};

TEST_F(CopyLooks, OneToFetchAnObjectOfKnownSize) {
  EXPECT_EQ(looks_of([&] { return reader().get(Address(object_, 0, large_bytes), {}); }), 1);
}

TEST_F(CopyLooks, OneToFetchAnObjectByItsKeyAlone) {
  EXPECT_EQ(looks_of([&] { return reader().get(Address(object_), {}); }), 1);
}

TEST_F(CopyLooks, OneToFetchAnObjectByItsName) {
  EXPECT_EQ(looks_of([&] { return reader().get(Address(store, name_), {}); }), 1);
}

TEST_F(CopyLooks, OneToFetchAnObjectAheadOfUse) {
  EXPECT_EQ(looks_of([&] {
              const Begun begun = begin(reader(), Address(object_), CountsUntil::it_is_got);
              return begun.coming ? begun.coming->get({}) : begun.found;
            }),
            1);
}

TEST_F(CopyLooks, OneToFetchAnObjectIntoMemoryOfTheCaller) {
  std::vector<std::byte> memory(large_bytes);
  EXPECT_EQ(looks_of([&] { return reader().get_into(Address(object_), {}, memory, {}); }), 1);
}

TEST_F(CopyLooks, OneToFetchAnObjectInABatch) {
  const std::vector<Address> addresses(1, Address(object_));
  EXPECT_EQ(looks_of([&] {
              std::vector<Result<ObjectView>> found(1, Result<ObjectView>(ObjectView()));
              reader().find_batch(addresses, Wanting::all, found, {});
              return std::move(found.front());
            }),
            1);
}

TEST_F(CopyLooks, OneToShowACopy) {
  ASSERT_TRUE(reader().get(Address(object_), {}));
  EXPECT_EQ(looks_of([&] { return reader().get(Address(object_), {}); }), 1);
}

}  // namespace
}  // namespace locum::tests::copy_looks_test
