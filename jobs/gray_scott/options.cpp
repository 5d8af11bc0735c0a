#include "jobs/gray_scott/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <vector>

namespace gray_scott {
namespace {

/// The command line, which fills in these options. REQUIRES: they outlive it.
std::unique_ptr<CLI::App> command_line(DemoOptions& options) {
  constexpr int most_ranks = 1 << 20;
  constexpr std::size_t largest_grid = 4096;
  constexpr std::uint64_t most_steps = 1'000'000'000;
  static constexpr std::array all{Publish::create, Publish::put, Publish::both};
  std::vector<std::string> names;
  std::ranges::transform(all, std::back_inserter(names), [](Publish publish) { return name_of(publish); });

  auto app = std::make_unique<CLI::App>(
      "Gray-Scott reaction and diffusion in three dimensions. Some ranks simulate; every few steps they "
      "write "
      "their\n"
      "blocks of U and V as a frame into a stream. Other ranks read the frames in place, analyse them, and "
      "draw one\n"
      "picture of each. The same simulation is run first without all that, for comparison.\n",
      "mpiexec -n RANKS gray_scott_demo");
  app->footer("GRAY_SCOTT_PROGRESS=lines prints a line a frame instead of one that is rewritten.");
  app->add_option("--sim-ranks", options.simulation_ranks,
                  "Ranks that simulate (default: those that do not analyse)")
      ->check(CLI::Range(1, most_ranks));
  app->add_option("--analysis-ranks", options.analysis_ranks,
                  "Ranks that analyse (default: a quarter, at least 1)")
      ->check(CLI::Range(1, most_ranks));
  app->add_option("--grid", options.grid, "Cells along each edge of the cube")
      ->check(CLI::Range(std::size_t{1}, largest_grid))
      ->capture_default_str();
  app->add_option("--steps", options.steps, "Time steps")
      ->check(CLI::Range(std::uint64_t{1}, most_steps))
      ->capture_default_str();
  app->add_option("--every", options.every, "Steps from frame to frame")
      ->check(CLI::Range(std::uint64_t{1}, most_steps))
      ->capture_default_str();
  app->add_option_function<std::string>(
         "--publish",
         [&options](const std::string& name) {
           options.publish =
               *std::ranges::find_if(all, [&](Publish known) { return name == name_of(known); });
         },
         "create: the solver writes into the store's memory; put: its blocks are copied there; both: in "
         "turns")
      ->check(CLI::IsMember(names))
      ->default_str(name_of(options.publish));
  auto* const ahead = app->add_flag_callback(
      "--overlap", [&options] { options.overlap = true; },
      "Fetch each frame from other nodes ahead, while the one before is analysed (default)");
  app->add_flag_callback(
         "--no-overlap", [&options] { options.overlap = false; }, "Fetch it when it is read")
      ->excludes(ahead);
  app->add_option("--output", options.output, "Folder for the pictures")
      ->check([](const std::string& folder) { return folder.empty() ? "wants a folder" : ""; })
      ->capture_default_str();
  app->add_option("--checkpoint-every", options.checkpoint_every,
                  "Steps from checkpoint to checkpoint, a multiple of --every: the fields are written in the "
                  "background to OUTPUT/checkpoints, the latest two stay. 0: none")
      ->check(CLI::Range(std::uint64_t{0}, most_steps))
      ->capture_default_str();
  app->add_flag("--restart", options.restart,
                "Go on from the latest checkpoint of an earlier run, of any number of ranks");
  return app;
}

/// Fills in the ranks that were not given; empty if all is well.
std::string share_out_ranks(DemoOptions& options, int ranks) {
  if (ranks < 2) {
    return "at least 2 ranks are needed, one simulates and one analyses: start it with mpiexec -n 2 or more";
  }
  int& simulating = options.simulation_ranks;
  int& analysing = options.analysis_ranks;
  if (simulating == 0 && analysing == 0) {
    analysing = std::max(1, ranks / 4);
  }
  if (simulating == 0) {
    simulating = ranks - analysing;
  } else if (analysing == 0) {
    analysing = ranks - simulating;
  }
  if (simulating < 1 || analysing < 1 || simulating + analysing != ranks) {
    return "the job has " + std::to_string(ranks) + " ranks, but " + std::to_string(simulating) +
           " to simulate and " + std::to_string(analysing) +
           " to analyse were asked for: start it with mpiexec -n " +
           std::to_string(std::max(simulating, 1) + std::max(analysing, 1));
  }
  return {};
}

}  // namespace

const char* name_of(Publish publish) {
  switch (publish) {
    case Publish::create:
      return "create";
    case Publish::put:
      return "put";
    case Publish::both:
      return "both";
  }
  return "unknown";
}

Publish how_to_publish(Publish wanted, std::size_t frame) {
  return wanted != Publish::both ? wanted : frame % 2 == 0 ? Publish::create : Publish::put;
}

std::variant<DemoOptions, HelpWanted, UsageError> parse_options(std::span<char* const> arguments, int ranks) {
  DemoOptions options;
  try {
    command_line(options)->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return HelpWanted{};
  } catch (const CLI::ParseError& error) {
    return UsageError{error.what()};
  }
  if (options.every > options.steps) {
    return UsageError{"--every " + std::to_string(options.every) + " is more than --steps " +
                      std::to_string(options.steps) + ": there would be no frame"};
  }
  if (options.checkpoint_every % options.every != 0) {
    return UsageError{"--checkpoint-every " + std::to_string(options.checkpoint_every) +
                      " is no multiple of --every " + std::to_string(options.every)};
  }
  if (std::string problem = share_out_ranks(options, ranks); !problem.empty()) {
    return UsageError{std::move(problem)};
  }
  return options;
}

std::string usage() {
  DemoOptions defaults;
  return command_line(defaults)->help();
}

}  // namespace gray_scott
