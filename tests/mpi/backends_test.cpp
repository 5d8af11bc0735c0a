// Stores of a runtime over a backend: a folder that all ranks see. What a backend does is tested with the
// backends.

#include <gtest/gtest.h>
#include <mpi.h>

#include <numeric>
#include <string>
#include <vector>

#include "core/open.hpp"
#include "core/open_sessions.hpp"
#include "core/promise.hpp"
#include "core/serializers.hpp"
#include "mpi/runtime.hpp"
#include "tests/core/code_of.hpp"
#include "tests/mpi/shared_folder.hpp"

namespace locum {
namespace {

using job::SharedFolder;
using tests::code_of;

constexpr RuntimeOptions beside_backends{.memory_bytes = 64_MiB};

TEST(RuntimeBackends, ShareAFolderAmongAllRanks) {
  const SharedFolder folder;
  const std::string url = "file:" + folder.path() + "?sync=0";
  Handle kept;
  {
    Runtime runtime(MPI_COMM_WORLD, beside_backends);
    const Store store = runtime.store("kept", {.connector = url});
    const std::string mine = "rank/" + std::to_string(runtime.rank());
    ASSERT_TRUE(store.put(mine, runtime.rank()));
    // One of all ranks gets the name.
    const int won = store.put("contested", runtime.rank()) ? 1 : 0;
    int winners = 0;
    MPI_Allreduce(&won, &winners, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    EXPECT_EQ(winners, 1);
    for (int rank = 0; rank < runtime.size(); ++rank) {
      EXPECT_EQ(*store.get<int>("rank/" + std::to_string(rank)).value(), rank);
    }
    EXPECT_EQ(store.keys("rank/").value().size(), static_cast<std::size_t>(runtime.size()));

    // A handle, and a key of a named object, travel by MPI as those of other stores.
    std::vector<double> field(1000);
    std::iota(field.begin(), field.end(), 0.0);
    Key named;
    if (runtime.rank() == 0) {
      kept = store.put_proxy(field).value().handle();
      named = store.put("field", field).value();
    }
    MPI_Bcast(&kept, sizeof kept, MPI_BYTE, 0, MPI_COMM_WORLD);
    MPI_Bcast(&named, sizeof named, MPI_BYTE, 0, MPI_COMM_WORLD);
    const auto stand_in = runtime.proxy<double[]>(kept);
    stand_in.prefetch();
    EXPECT_EQ((*stand_in)[999], 999.0);
    const auto by_key = store.get<double[]>(named).value();
    EXPECT_EQ(by_key[998], 998.0);
    const auto later = store.get_async<double[]>("field").get().value();
    EXPECT_EQ(later.size(), 1000U);

    // A store of the nodes' memory of that name is another one.
    EXPECT_EQ(code_of(runtime.store("kept").get<int>("contested")), Errc::not_found);
    // The same URL is the same session, and the same store.
    EXPECT_EQ(*runtime.store("kept", {.connector = url}).get<int>("rank/0").value(), 0);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  EXPECT_FALSE(locum::proxy<double[]>(kept).get()) << "the runtime has closed what it opened";
  {
    // Another job, so to speak: what is kept has outlived the runtime.
    Runtime runtime(MPI_COMM_WORLD, beside_backends);
    const Store store = runtime.store("kept", {.connector = url});
    const auto stand_in = runtime.proxy<double[]>(kept);
    EXPECT_EQ((*stand_in)[7], 7.0);
    EXPECT_EQ(*store.get<int>("rank/0").value(), 0);
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

TEST(RuntimeBackends, WaitForWhatAnotherRankPuts) {
  const SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  const Store store = runtime.store("kept", {.connector = "file:" + folder.path() + "?sync=0"});
  const int next = (runtime.rank() + 1) % runtime.size();
  auto promise = store.promise<int>().value();
  Handle mine = promise.proxy().handle();
  Handle theirs;
  const int left = (runtime.rank() + runtime.size() - 1) % runtime.size();
  MPI_Sendrecv(&mine, sizeof mine, MPI_BYTE, next, 0, &theirs, sizeof theirs, MPI_BYTE, left, 0,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  auto named = store.wait<int>("go/" + std::to_string(runtime.rank()), std::chrono::milliseconds(0));
  EXPECT_EQ(code_of(named), Errc::timeout);
  MPI_Barrier(MPI_COMM_WORLD);
  ASSERT_TRUE(store.put("go/" + std::to_string(next), runtime.rank()));
  EXPECT_EQ(*store.wait<int>("go/" + std::to_string(runtime.rank())).value(), left);
  ASSERT_TRUE(promise.set(100 + runtime.rank()));
  EXPECT_EQ(*runtime.proxy<int>(theirs).get().value(), 100 + left);
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(RuntimeBackends, SayWhatIsWrong) {
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  const auto code = [&](const StoreOptions& options) {
    try {
      (void)runtime.store("kept", options);
    } catch (const Error& error) {
      return error.code();
    }
    return Errc{};
  };
  EXPECT_EQ(code({.connector = "tape:reel"}), Errc::unsupported);
  EXPECT_EQ(code({.connector = "nothing"}), Errc::invalid_argument);
  EXPECT_EQ(code({.memory_bytes = 1 << 20, .connector = "simple:"}), Errc::unsupported)
      << "there are no budgets";
  EXPECT_EQ(code_of(open_session("simple:").value().open("kept", {.connector = "simple:"})),
            Errc::invalid_argument);
  MPI_Barrier(MPI_COMM_WORLD);
}

}  // namespace
}  // namespace locum
