#include "tests/shm/interleavings/schedule.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/shm/interleavings/run.hpp"

// This file is compiled without -fsanitize=thread: hooks.cpp, which that option needs, calls it.

namespace locum::tests {

Run* run = nullptr;
bool in_scene = false;

Run::~Run() {
  for (const auto& [memory, bytes] : unmapped_) {
    if (!mappings().has(memory)) {
      __real_munmap(memory, bytes);
    }
  }
}

void Run::enter() {
  Run& self = *run;
  self.current_->body();
  self.current_->ended = true;
  self.switch_to(self.running_ ? self.next(false) : nullptr);
}

namespace {

// Takes the next option of the last choice that has one; false: all were taken.
bool advance(std::vector<Choice>& path) {
  while (!path.empty() && path.back().taken + 1 == path.back().of) {
    path.pop_back();
  }
  if (path.empty()) {
    return false;
  }
  ++path.back().taken;
  return true;
}

}  // namespace

Searched search(const Search& bounds, const std::function<std::unique_ptr<Scene>()>& make) {
  Searched searched;
  Words words;
  std::vector<Choice> path;
  std::size_t expected = 0;
  const std::size_t most = bounds.sample != 0 ? bounds.sample : bounds.most;
  while (searched.runs < most && searched.wrong.empty() && !searched.all) {
    const std::size_t shared = words.shared();
    Run each(bounds, words, path, searched.runs, expected);
    const struct Current {
      explicit Current(Run* of) {
        run = of;
        in_scene = true;
      }
      ~Current() {
        run = nullptr;
        in_scene = false;
      }
    } current(&each);
    {
      const auto scene = make();
      each.go();
      ++searched.runs;
      if (each.wrong().empty()) {
        each.report(scene->wrong());
      }
      const std::string wrong = each.wrong();
      in_scene = false;
      words.use_noted();
      searched.wrong = wrong.empty() ? "" : wrong.c_str() + (" (run " + std::to_string(searched.runs) + ")");
    }
    in_scene = false;
    expected = std::max(expected, each.moments());  // of runs that no death has cut short
    if (bounds.sample != 0) {
      searched.all = searched.runs == most;
    } else if (words.shared() != shared) {
      path.clear();  // the choices left out so far may have mattered
    } else {
      searched.all = !advance(path);
    }
  }
  return searched;
}

void thread(int process, std::function<void()> body) {
  run->add(process, std::move(body), false);
}
void thread_that_may_wait(int process, std::function<void()> body) {
  run->add(process, std::move(body), true);
}
void after_death(int of, int process, std::function<void()> body) {
  run->add(process, std::move(body), true).ready = [of] { return run->has_died(of); };
}
void always(std::function<std::string()> look) {
  run->always(std::move(look));
}
void wait_until(std::function<bool()> condition) {
  run->wait(std::move(condition));
}
void pause() {
  run->step(nullptr, false);
}
void report(std::string wrong) {
  run->report(std::move(wrong));
}
bool has_died(int process) {
  return run->has_died(process);
}
void forbid(const void* memory, std::size_t bytes) {
  run->forbid(memory, bytes);
}

}  // namespace locum::tests
