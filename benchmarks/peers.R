# What limma, lme4 with lmerTest and vegan find on the shared cohorts: `make peers`.
# Usage: Rscript benchmarks/peers.R DATA_FOLDER OUTPUT_FOLDER
# The values are compared with this package's in tests/stats/test_peers.py.
suppressMessages({
  library(limma)
  library(lme4)
  library(lmerTest)
  library(vegan)
})
arguments <- commandArgs(trailingOnly = TRUE)
data <- arguments[1]
out <- arguments[2]
cohorts <- list(
  pelka_hitme = c("Tissue", "N", "T"), zhang_fine = c("Tissue", "blood", "tumor"),
  bassez_hitme = c("expansion", "NE", "E"), lee_fine = c("condition", "GBM.new", "GBM.PD1")
)
counts_of <- function(name) {
  table <- read.csv(file.path(data, "cohorts", paste0(name, ".csv.gz")), row.names = 1, check.names = FALSE)
  as.matrix(table)
}
write <- function(frame, name) {
  write.csv(format(frame, digits = 15, trim = TRUE), file.path(out, name), row.names = FALSE, quote = FALSE)
}

# vegan: diversity, and expected richness at the depth of the smallest sample
vegan_rows <- list()
for (name in names(cohorts)) {
  counts <- counts_of(name)
  depth <- min(rowSums(counts))
  vegan_rows[[name]] <- data.frame(
    cohort = name, sample = rownames(counts), depth = depth,
    shannon = diversity(counts, "shannon"), inverse_simpson = diversity(counts, "invsimpson"),
    richness = as.numeric(rarefy(counts, depth))
  )
}
write(do.call(rbind, vegan_rows), "vegan.csv")

# limma: every part's log of (cells + 1/2), less the mean over parts; two groups, moderated variances
limma_rows <- list()
for (name in names(cohorts)) {
  counts <- counts_of(name)
  asked <- cohorts[[name]]
  samples <- read.csv(file.path(data, "cohorts", paste0(sub("_.*", "", name), "_samples.csv")), row.names = 1)
  label <- samples[rownames(counts), asked[1]]
  kept <- label %in% asked[2:3]
  counts <- counts[kept, ]
  counts <- counts[, colSums(counts) > 0]
  logs <- log(counts + 0.5)
  response <- t(logs - rowMeans(logs))
  design <- cbind(1, as.numeric(label[kept] == asked[3]))
  fit <- lmFit(response, design)
  for (robust in c(FALSE, TRUE)) {
    moderated <- eBayes(fit, robust = robust)
    limma_rows[[paste(name, robust)]] <- data.frame(
      cohort = name, part = gsub(",", ";", rownames(response)), robust = robust,
      estimate = fit$coefficients[, 2], variance = fit$sigma^2, df = fit$df.residual,
      variance_moderated = moderated$s2.post, df_prior = moderated$df.prior, variance_prior = moderated$s2.prior,
      t = moderated$t[, 2], p_value = moderated$p.value[, 2]
    )
  }
}
write(do.call(rbind, limma_rows), "limma.csv")

# repeated visits: the correlation within donors, and the difference between two visits of incomplete pairs
mixed_rows <- list()
samples <- read.csv(file.path(data, "blood_ageing", "samples.csv"), row.names = 1)
for (level in c(7, 27, 69)) {
  file <- file.path(data, "blood_ageing", paste0("counts_", level, "_types.csv.gz"))
  counts <- as.matrix(read.csv(file, row.names = 1, check.names = FALSE))
  about <- samples[rownames(counts), ]
  entropy <- diversity(counts, "shannon")
  days <- c("Flu Year 1 Day 0", "Flu Year 1 Day 7")
  kept <- about$visit %in% days
  frame <- data.frame(y = entropy[kept], visit = as.numeric(about$visit[kept] == days[2]), donor = about$donor[kept])
  design <- cbind(1, frame$visit)
  found <- duplicateCorrelation(rbind(frame$y, frame$y), design, block = frame$donor)
  fit <- lmer(y ~ visit + (1 | donor), data = frame, REML = TRUE)
  variances <- as.data.frame(VarCorr(fit))$vcov
  row <- coef(summary(fit))["visit", ]
  mixed_rows[[paste(level)]] <- data.frame(
    level = level, n_samples = nrow(frame), n_donors = length(unique(frame$donor)),
    correlation_limma = found$consensus.correlation, correlation_lme4 = variances[1] / sum(variances),
    estimate = row["Estimate"], error = row["Std. Error"], df = row["df"], p_value = row["Pr(>|t|)"]
  )
}
write(do.call(rbind, mixed_rows), "mixed.csv")

# and between groups of donors with all their visits: old against young
between_rows <- list()
for (level in c(7, 27, 69)) {
  file <- file.path(data, "blood_ageing", paste0("counts_", level, "_types.csv.gz"))
  counts <- as.matrix(read.csv(file, row.names = 1, check.names = FALSE))
  about <- samples[rownames(counts), ]
  frame <- data.frame(y = diversity(counts, "shannon"), old = as.numeric(about$age_group == "old"), donor = about$donor)
  row <- coef(summary(lmer(y ~ old + (1 | donor), data = frame, REML = TRUE)))["old", ]
  plain <- coef(summary(lm(y ~ old, data = frame)))["old", ]
  between_rows[[paste(level)]] <- data.frame(
    level = level, n_samples = nrow(frame), n_donors = length(unique(frame$donor)),
    estimate = row["Estimate"], error = row["Std. Error"], df = row["df"], p_value = row["Pr(>|t|)"],
    error_visits_as_donors = plain["Std. Error"], p_visits_as_donors = plain["Pr(>|t|)"]
  )
}
write(do.call(rbind, between_rows), "repeated.csv")
writeLines(c("package,version", sapply(c("limma", "lme4", "lmerTest", "vegan"), function(p) {
  paste0(p, ",", as.character(packageVersion(p)))
})), file.path(out, "versions.csv"))
