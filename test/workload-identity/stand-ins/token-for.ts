/** The platform's signer: a token as it would give to its workload, for the audience that was asked for. */
export type TokenFor = (audience: string) => Promise<string>
