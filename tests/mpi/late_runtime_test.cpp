// Calls before MPI_Init and after MPI_Finalize: defined, with an error text, and without a crash.
#include <gtest/gtest.h>
#include <mpi.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mpi/runtime/runtime.hpp"

namespace {

constexpr locum::RuntimeOptions small{.memory_bytes = std::uint64_t{64} << 20U};

void expect_refused(const std::string& reason) {
  try {
    const locum::Runtime runtime(MPI_COMM_WORLD, small);
    ADD_FAILURE() << "a runtime without MPI";
  } catch (const locum::Error& error) {
    EXPECT_EQ(error.code(), locum::Errc::invalid_argument);
    EXPECT_NE(error.text().find(reason), std::string::npos) << error.what();
  }
}

TEST(LateRuntime, ClosesItsOwnPartAndSaysSo) {
  expect_refused("not initialised");

  MPI_Init(nullptr, nullptr);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::optional<locum::View<double[]>> view;
  std::optional<locum::Store> store;
  {
    auto runtime = std::make_unique<locum::Runtime>(MPI_COMM_WORLD, small);
    store = runtime->store("fields");
    const std::vector<double> values(1000, 2.5);
    const locum::Key key = store->put(values).value();
    view = store->get<double[]>(key).value();
    (void)runtime->report_all();  // over MPI's messages ranks serve each other only in such calls here
    MPI_Finalize();

    // The store needs no MPI: it still works.
    EXPECT_EQ(store->get<double[]>(key).value().size(), 1000U);

    // Collective calls would end the process inside MPI.
    const std::array<std::function<void()>, 3> calls{
        [&] { runtime->close(); }, [&] { runtime->drop("fields"); }, [&] { (void)runtime->report_all(); }};
    for (const auto& call : calls) {
      try {
        call();
        ADD_FAILURE() << "no exception";
      } catch (const locum::Error& error) {
        EXPECT_EQ(error.code(), locum::Errc::invalid_argument) << error.what();
        EXPECT_NE(error.text().find("finalised"), std::string::npos) << error.what();
      }
    }

    testing::internal::CaptureStderr();
    runtime.reset();
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("locum: rank " + std::to_string(rank)), std::string::npos) << said;
    EXPECT_NE(said.find("MPI is already finalised"), std::string::npos) << said;
    EXPECT_NE(said.find("before MPI_Finalize"), std::string::npos) << said;

    const auto again = store->get<double[]>(key);
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().code(), locum::Errc::closed);
  }
  EXPECT_EQ((*view)[999], 2.5);
  expect_refused("finalised");
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
