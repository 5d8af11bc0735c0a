// Runtimes and their stores.
#include "mpi/c/runtimes.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "mpi/c/runtime_options.hpp"
#include "mpi/c/unclosed_runtimes.hpp"
#include "mpi/error.hpp"

namespace locum::c {

// Never destroyed: see Handles.
Handles<std::shared_ptr<OpenRuntime>>& runtimes() {
  constexpr std::uint8_t kind = 127;  // no other of core/c/objects.cpp
  static constinit Handles<std::shared_ptr<OpenRuntime>> all(kind);
  return all;
}

locum_status is_being_closed() {
  return failed(Error(Errc::closed, "another thread is closing this runtime; open another one"));
}

}  // namespace locum::c

using namespace locum;
using namespace locum::c;

namespace {

// How long a rank that cannot go on waits for others to close the runtime as well.
constexpr std::chrono::seconds patience{2};
// How long closing waits at most for other threads that are in calls of the runtime.
constexpr double longest_s = 600;

[[nodiscard]] Deadline::Clock::time_point in(std::chrono::duration<double> time) noexcept {
  return Deadline::Clock::now() + std::chrono::duration_cast<Deadline::Clock::duration>(time);
}

// Calls `body` with the runtime, whose handle ends, when no other thread is in a call of it, and lets none in
// meanwhile; `busy` if threads are in calls for longer than the deadline.
template <class Body, class Busy>
locum_status on_last_runtime(locum_runtime* runtime, std::chrono::duration<double> deadline, Body body,
                             Busy busy) noexcept {
  return guarded([&] {
    if (runtime == nullptr) {
      return is_null("runtime");
    }
    std::shared_ptr<OpenRuntime> open;
    {
      const auto used = runtimes().use(*runtime);
      if (!used) {
        return no_handle("runtime");
      }
      open = *used;
    }
    switch (open->calls.end(in(deadline))) {
      case CallGate::End::all_have_left:
        break;
      case CallGate::End::some_are_inside:
        return busy(open->runtime);
      case CallGate::End::has_begun_before:
        return is_being_closed();
    }
    if (!runtimes().remove(*runtime)) {
      return no_handle("runtime");
    }
    *runtime = nullptr;
    return body(open->runtime);
  });
}

locum_status still_busy(Runtime&) {
  return failed(Error(Errc::timeout,
                      "another thread is in a call of this runtime, which can be closed only when that has "
                      "returned; wait for the thread, and close it again"));
}

// Nothing else says what was forgotten: to the readers the rank seems to be lost.
void name_open_writers(const Runtime& open) noexcept {
  if (const std::size_t count = step_writers().count(); count != 0 && runtimes().count() == 0) {
    std::fprintf(
        stderr,
        "locum: rank %d: the runtime is closed, and %zu of its streams of steps are not: their readers will "
        "fail; close them before\n",
        open.rank(), count);
  }
}

[[noreturn]] void end_job(const Runtime& open, const char* reason) noexcept {
  std::fprintf(stderr,
               "locum: rank %d: it cannot go on, and other ranks still use the runtime; the job ends here, "
               "because they would wait for ever. (%s)\n",
               open.rank(), reason);
  std::fflush(stderr);
  MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
  std::abort();
}

// `make` returns the text.
template <class Make>
locum_status give_text(locum_runtime runtime, locum_string* text, Make make) noexcept {
  clear(text);
  return on_runtime(runtime, [&](Runtime& open) {
    if (text == nullptr) {
      return is_null("text");
    }
    auto kept = std::make_unique<std::string>(make(open));
    text->text = kept->c_str();
    text->length = kept->size();
    text->library = kept.release();
    return LOCUM_OK;
  });
}

}  // namespace

locum_status locum_runtime_open(MPI_Comm communicator, const locum_runtime_options* options,
                                locum_runtime* runtime) {
  clear(runtime);
  return guarded([&] {
    if (runtime == nullptr) {
      return is_null("runtime");
    }
    const auto how = runtime_options(options);
    if (!how) {
      return failed(how.error());
    }
    auto open = std::make_shared<OpenRuntime>(communicator, *how);
    close_at_finalize(open);
    return give(runtimes(), std::move(open), runtime);
  });
}

locum_status locum_runtime_open_f(MPI_Fint communicator, const locum_runtime_options* options,
                                  locum_runtime* runtime) {
  // Before MPI_Init the conversion would end the program.
  const bool may_convert = locum::mpi::why_unusable() == nullptr;
  return locum_runtime_open(may_convert ? MPI_Comm_f2c(communicator) : MPI_COMM_NULL, options, runtime);
}

locum_status locum_runtime_close(locum_runtime* runtime, double deadline_s) {
  const double longest = deadline_s > 0 ? std::min(deadline_s, longest_s) : deadline_s == 0 ? longest_s : 0;
  return on_last_runtime(
      runtime, std::chrono::duration<double>(longest),
      [&](Runtime& open) {
        name_open_writers(open);
        open.close(limit_of(deadline_s));
        return LOCUM_OK;
      },
      still_busy);
}

locum_status locum_runtime_fail(locum_runtime* runtime) {
  return on_last_runtime(
      runtime, patience,
      [](Runtime& open) {
        try {
          open.close(patience);
        } catch (const Error& error) {
          end_job(open, error.what());
        }
        return LOCUM_OK;
      },
      [](Runtime& open) -> locum_status { end_job(open, "another thread is in a call of the runtime"); });
}

locum_status locum_runtime_place(locum_runtime runtime, locum_place* place) {
  clear(place);
  return on_runtime(runtime, [&](Runtime& open) {
    if (place == nullptr) {
      return is_null("place");
    }
    *place = {.rank = open.rank(),
              .ranks = open.size(),
              .node = open.node(),
              .nodes = open.nodes(),
              .reserved = {}};
    return LOCUM_OK;
  });
}

locum_status locum_runtime_store(locum_runtime runtime, const char* name, const locum_store_options* options,
                                 locum_store* store) {
  clear(store);
  return on_runtime(runtime, [&](Runtime& open) {
    if (name == nullptr || store == nullptr) {
      return is_null(name == nullptr ? "name" : "store");
    }
    return give_store(options == nullptr ? open.store(name) : open.store(name, store_options(*options)),
                      store);
  });
}

locum_status locum_runtime_drop(locum_runtime runtime, const char* name, double deadline_s) {
  return on_runtime(runtime, [&](Runtime& open) {
    if (name == nullptr) {
      return is_null("name");
    }
    open.drop(name, limit_of(deadline_s));
    return LOCUM_OK;
  });
}

locum_status locum_runtime_flush(locum_runtime runtime, double deadline_s) {
  return on_runtime(runtime, [&](Runtime& open) { return status_of(open.flush(limit_of(deadline_s))); });
}

locum_status locum_runtime_lost_ranks(locum_runtime runtime, int32_t* ranks, size_t capacity, size_t* count) {
  clear(count);
  return on_runtime(runtime, [&](Runtime& open) {
    if (count == nullptr || (ranks == nullptr && capacity > 0)) {
      return is_null(count == nullptr ? "count" : "ranks");
    }
    const std::vector<int> lost = open.lost_ranks();
    std::copy_n(lost.begin(), std::min(lost.size(), capacity), ranks);
    *count = lost.size();
    return LOCUM_OK;
  });
}

locum_status locum_runtime_report(locum_runtime runtime, locum_string* text) {
  return give_text(runtime, text, [](Runtime& open) { return open.report(); });
}

locum_status locum_runtime_report_all(locum_runtime runtime, double deadline_s, locum_string* text) {
  return give_text(runtime, text, [&](Runtime& open) { return open.report_all(limit_of(deadline_s)); });
}

locum_status locum_string_release(locum_string* text) {
  return guarded([&] {
    if (text == nullptr) {
      return is_null("text");
    }
    delete static_cast<std::string*>(text->library);
    *text = {};
    return LOCUM_OK;
  });
}

locum_status locum_runtime_ranks(locum_runtime runtime, MPI_Comm communicator, locum_ranks* ranks) {
  clear(ranks);
  return on_runtime(runtime, [&](Runtime& open) {
    return ranks == nullptr ? is_null("ranks") : give(sides(), open.step_side(communicator), ranks);
  });
}

locum_status locum_runtime_ranks_f(locum_runtime runtime, MPI_Fint communicator, locum_ranks* ranks) {
  return locum_runtime_ranks(runtime, MPI_Comm_f2c(communicator), ranks);
}
